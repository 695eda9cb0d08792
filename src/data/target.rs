//! What a classifier should say.

/// Classes, and how much of each: one for a clip of one kind, several where there are several or clips are mixed, none where nothing is known or
/// there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Target(Vec<(usize, f32)>);

impl Target {
    /// All of each of these classes.
    pub fn of(classes: impl IntoIterator<Item = usize>) -> Self {
        Target(classes.into_iter().map(|class| (class, 1.0)).collect())
    }

    /// The classes with their weights.
    pub fn shares(&self) -> &[(usize, f32)] {
        &self.0
    }

    /// The class, where there is just one.
    pub fn class(&self) -> Option<usize> {
        match self.0[..] {
            [(class, _)] => Some(class),
            _ => None,
        }
    }

    /// `share` of this and the rest of `other`, as where two clips are mixed.
    pub fn mixed(&self, share: f32, other: &Target) -> Target {
        let scaled = |target: &Target, by: f32| -> Vec<(usize, f32)> {
            target.0.iter().map(|&(class, weight)| (class, weight * by)).collect()
        };
        let mut shares = scaled(self, share);
        for (class, weight) in scaled(other, 1.0 - share) {
            match shares.iter_mut().find(|(known, _)| *known == class) {
                Some((_, known)) => *known += weight,
                None => shares.push((class, weight)),
            }
        }
        Target(shares)
    }
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn mixed_clips_have_shares_of_the_classes_of_both() {
        let (a, b) = (Target::of([1, 3]), Target::of([3, 4]));
        assert_eq!(a.mixed(0.75, &b).shares(), [(1, 0.75), (3, 1.0), (4, 0.25)]);
        assert_eq!(a.mixed(0.75, &Target::default()).shares(), [(1, 0.75), (3, 0.75)]);
        assert_eq!((a.class(), Target::of([2]).class(), Target::default().class()), (None, Some(2), None));
    }
}
