//! First values that follow from those of a module's other parameters. They are settled in the order of declaration: what follows is declared
//! behind what it follows from.

use kernels::OpError;
use kernels::s4_step::Heads;

use super::Init;

/// What `drawn` becomes; `sibling` gives the first values of the same module's parameter of a name.
///
/// # Errors
/// Those of `sibling`.
pub(super) fn settle(
    init: Init,
    drawn: Vec<f32>,
    sibling: impl Fn(&str) -> Result<Vec<f32>, OpError>,
) -> Result<Vec<f32>, OpError> {
    match init {
        Init::RowNorms { of } => {
            let rows = sibling(of)?;
            let inputs = rows.len() / drawn.len().max(1);
            let norm = |row: &[f32]| row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt() as f32;
            Ok(rows.chunks(inputs.max(1)).map(norm).collect())
        }
        Init::Periodic { period, pairs } => {
            let [log_dt, log_w_real, w_imag, p, b] = [
                sibling("log_dt")?,
                sibling("log_w_real")?,
                sibling("w_imag")?,
                sibling("P")?,
                sibling("B")?,
            ];
            let heads = Heads {
                pairs,
                log_dt: &log_dt,
                log_w_real: &log_w_real,
                w_imag: &w_imag,
                p: &p,
                b: &b,
                c: &drawn,
            };
            Ok(heads.periodic(period))
        }
        _ => Ok(drawn),
    }
}
