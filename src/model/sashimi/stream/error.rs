//! Why a model cannot be stepped.

use kernels::OpError;
use kernels::stream::Lost;

/// Why a model cannot be stepped.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// A parameter that the plan has is not there.
    #[error("the weights have no `{name}`")]
    Missing { name: String },
    /// A parameter is there in another shape.
    #[error("`{name}` is {got:?} in the weights and {want:?} in the model")]
    Shape { name: String, got: Vec<usize>, want: Vec<usize> },
    /// Both directions at once.
    #[error("a model that sees the future, `bidirectional`, cannot be stepped")]
    Bidirectional,
    /// C̃ does not determine C.
    #[error("head {head} of `{name}` has no recurrence: a mode of it does not decay within its period")]
    NoRecurrence { name: String, head: usize },
    /// A code that no level has.
    #[error("code {code} was given to a model of {levels} levels")]
    Code { code: u32, levels: usize },
    /// Codes for more or fewer lanes than there are.
    #[error("{got} codes were given for {want} lanes")]
    Lanes { got: usize, want: usize },
    /// The watcher asked to stop.
    #[error("stopped before all samples were made")]
    Stopped,
    /// A thread could not be started.
    #[error(transparent)]
    Op(#[from] OpError),
    /// The second thread is gone.
    #[error(transparent)]
    Lost(#[from] Lost),
}
