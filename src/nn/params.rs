//! Parameters: declared by layers, held by name.

use std::collections::HashMap;
use std::sync::Arc;

use kernels::{Array, Device, OpError, Shape};

use super::Init;
use super::settle::settle;
use crate::seed::{Purpose, stream};

/// Which parameter: an index into the declarations and the [`Params`] made from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParamId(usize);

/// A parameter before it exists.
#[derive(Debug, Clone)]
pub struct Declaration {
    /// Full name, dots between modules, as the reference checkpoint has it.
    pub name: String,
    pub shape: Shape,
    pub init: Init,
}

/// A place in the module tree where layers declare their parameters.
pub struct Scope<'a> {
    declarations: &'a mut Vec<Declaration>,
    prefix: String,
}

impl<'a> Scope<'a> {
    /// The root: names as they come.
    pub fn root(declarations: &'a mut Vec<Declaration>) -> Self {
        Scope { declarations, prefix: String::new() }
    }

    /// The scope of the child module `name`.
    pub fn child(&mut self, name: impl std::fmt::Display) -> Scope<'_> {
        Scope { prefix: format!("{}{name}.", self.prefix), declarations: self.declarations }
    }

    /// Declares one parameter of this module.
    pub fn param(&mut self, name: &str, shape: impl Into<Shape>, init: Init) -> ParamId {
        let name = format!("{}{name}", self.prefix);
        self.declarations.push(Declaration { name, shape: shape.into(), init });
        ParamId(self.declarations.len() - 1)
    }
}

/// One parameter on a device. A clone shares the values, until one of the two is written to.
#[derive(Clone)]
pub struct Param<D: Device> {
    name: Arc<str>,
    array: Array<D>,
}

impl<D: Device> Param<D> {
    /// Full name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The values; tracked exactly when the parameter is trainable.
    pub fn array(&self) -> &Array<D> {
        &self.array
    }

    /// The values, for the optimiser.
    pub fn array_mut(&mut self) -> &mut Array<D> {
        &mut self.array
    }

    /// Whether an update may change it.
    pub fn trainable(&self) -> bool {
        self.array.is_tracked()
    }
}

/// The parameters of one model on a device, in declaration order. A clone shares the values, until one of the two is written to.
#[derive(Clone)]
pub struct Params<D: Device> {
    entries: Vec<Param<D>>,
    by_name: Arc<HashMap<Arc<str>, usize>>,
}

impl<D: Device> Params<D> {
    /// Allocates what was declared and draws first values from `seed`.
    ///
    /// Each parameter has its own stream, named by itself: two models that share a name share its first values, whatever
    /// else they contain. So a student and its teacher start equal where they are the same.
    ///
    /// # Errors
    /// The device has no room.
    pub fn draw(device: &D, declarations: &[Declaration], seed: u64) -> Result<Self, OpError> {
        let by_name = declarations.iter().enumerate();
        let by_name = by_name.map(|(index, declaration)| (declaration.name.as_str().into(), index));
        let mut params = Params { entries: Vec::new(), by_name: Arc::new(by_name.collect()) };
        for declaration in declarations {
            let values = params.first_values(declaration, seed)?;
            let array = Array::from_vec(device, values, declaration.shape)?.tracked();
            params.entries.push(Param { name: declaration.name.as_str().into(), array });
        }
        Ok(params)
    }

    /// What `declaration` starts from: drawn from its own stream, then brought in line with what was drawn for its module before.
    fn first_values(&self, declaration: &Declaration, seed: u64) -> Result<Vec<f32>, OpError> {
        let mut rng = stream(seed, Purpose::Weight(&declaration.name), 0, 0);
        let drawn = declaration.init.draw(declaration.shape.len(), declaration.shape.last(), &mut rng);
        let module = declaration.name.rfind('.').map_or("", |dot| &declaration.name[..=dot]);
        settle(declaration.init, drawn, |sibling| {
            let name = format!("{module}{sibling}");
            let param = self.by_name.get(name.as_str()).and_then(|&index| self.entries.get(index));
            let missing =
                || OpError::device("params", format!("`{}` needs `{name}` before itself", declaration.name));
            param.ok_or_else(missing)?.array.download()
        })
    }

    /// The values of a parameter.
    pub fn array(&self, id: ParamId) -> &Array<D> {
        &self.entries[id.0].array
    }

    /// All parameters, in declaration order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Param<D>> {
        self.entries.iter()
    }

    /// All parameters for the optimiser, in declaration order.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = &mut Param<D>> {
        self.entries.iter_mut()
    }

    /// The parameter called `name`.
    pub fn by_name(&self, name: &str) -> Option<&Param<D>> {
        self.by_name.get(name).map(|&index| &self.entries[index])
    }

    /// The parameter called `name`, for loading.
    pub fn by_name_mut(&mut self, name: &str) -> Option<&mut Param<D>> {
        self.by_name.get(name).map(|&index| &mut self.entries[index])
    }

    /// Thaws or freezes each parameter by its name.
    pub fn set_trainable(&mut self, trainable: impl Fn(&str) -> bool) {
        for param in &mut self.entries {
            let array = if trainable(&param.name) { param.array.tracked() } else { param.array.detached() };
            param.array = array;
        }
    }

    /// Draws afresh every parameter that `chosen` names.
    ///
    /// # Errors
    /// The device failed.
    pub fn redraw(
        &mut self,
        declarations: &[Declaration],
        seed: u64,
        chosen: impl Fn(&str) -> bool,
    ) -> Result<(), OpError> {
        for declaration in declarations.iter().filter(|declaration| chosen(&declaration.name)) {
            let values = self.first_values(declaration, seed)?;
            if let Some(param) = self.by_name_mut(&declaration.name) {
                param.array.copy_from(&values)?;
            }
        }
        Ok(())
    }

    /// Number of values in all.
    pub fn len(&self) -> usize {
        self.entries.iter().map(|param| param.array.len()).sum()
    }

    /// True when there is no parameter.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
