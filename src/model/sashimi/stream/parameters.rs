//! Parameters found by name, in the shapes that a plan wants.

use super::StreamError;

/// A parameter as it was found: its shape and its values.
pub type Found = Option<(Vec<usize>, Vec<f32>)>;

/// A module's place among the names of a checkpoint.
#[derive(Clone)]
pub(super) struct Parameters<'a> {
    lookup: &'a dyn Fn(&str) -> Found,
    prefix: String,
}

impl<'a> Parameters<'a> {
    /// Those of a whole network, by name.
    pub fn root(lookup: &'a dyn Fn(&str) -> Found) -> Self {
        Parameters { lookup, prefix: String::new() }
    }

    /// Those of the child module `name`.
    pub fn child(&self, name: impl std::fmt::Display) -> Self {
        Parameters { lookup: self.lookup, prefix: format!("{}{name}.", self.prefix) }
    }

    /// The modules of the list `name`, from the first on.
    pub fn list(&self, name: impl std::fmt::Display) -> List<'a> {
        List { modules: self.child(name), taken: 0 }
    }

    /// The name that `name` has outside of this module.
    pub fn full(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Whether there is a `name`.
    pub fn has(&self, name: &str) -> bool {
        (self.lookup)(&self.full(name)).is_some()
    }

    /// The values of `name`, whose axes are `want` with or without axes of 1.
    pub fn get(&self, name: &str, want: &[usize]) -> Result<Vec<f32>, StreamError> {
        let name = self.full(name);
        let Some((got, values)) = (self.lookup)(&name) else { return Err(StreamError::Missing { name }) };
        let axes = |shape: &[usize]| shape.iter().copied().filter(|axis| *axis != 1).collect::<Vec<_>>();
        if axes(&got) != axes(want) || values.len() != want.iter().product::<usize>() {
            return Err(StreamError::Shape { name, got, want: want.to_vec() });
        }
        Ok(values)
    }

    /// The weight [rows, columns] of a linear layer, row by row, and its bias.
    pub fn linear(&self, rows: usize, columns: usize) -> Result<(Vec<f32>, Vec<f32>), StreamError> {
        Ok((self.get("weight", &[rows, columns])?, self.get("bias", &[rows])?))
    }

    /// The same of a linear layer under weight norm: g v / ‖v‖, a norm for each row.
    pub fn normed_linear(&self, rows: usize, columns: usize) -> Result<(Vec<f32>, Vec<f32>), StreamError> {
        let mut weight = self.get("weight_v", &[rows, columns])?;
        let g = self.get("weight_g", &[rows])?;
        for (row, g) in weight.chunks_exact_mut(columns).zip(g) {
            let squares: f64 = row.iter().map(|v| f64::from(*v).powi(2)).sum();
            let scale = f64::from(g) / squares.sqrt();
            row.iter_mut().for_each(|v| *v = (f64::from(*v) * scale) as f32);
        }
        Ok((weight, self.get("bias", &[rows])?))
    }
}

/// The numbered modules of a list, one after another.
pub(super) struct List<'a> {
    modules: Parameters<'a>,
    taken: usize,
}

impl<'a> List<'a> {
    /// Those of the next module of the list.
    pub fn next(&mut self) -> Parameters<'a> {
        self.taken += 1;
        self.modules.child(self.taken - 1)
    }
}
