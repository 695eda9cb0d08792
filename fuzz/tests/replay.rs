//! What once failed, or might, is replayed through every target.

use runner_fuzz::session::{quietly, trial};
use runner_fuzz::{memory, targets};

#[global_allocator]
static MEMORY: memory::Counting = memory::Counting;

#[test]
fn every_kept_input_ends_as_promised() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut faults, mut count) = (Vec::new(), 0);
    for target in targets::all() {
        for (number, bytes) in target.inputs().into_iter().chain(target.grown()).enumerate() {
            let place = folder.path().join(target.name);
            std::fs::create_dir_all(&place).expect("a folder");
            // A stack as the program's own has.
            let ended = std::thread::scope(|scope| {
                let tried = || quietly(|| trial(&target, &place, &bytes));
                let thread = std::thread::Builder::new().stack_size(8 << 20).spawn_scoped(scope, tried);
                thread.expect("a thread").join().expect("panics are caught")
            });
            if let Err(fault) = ended {
                faults.push(format!("{} {number}: {fault}", target.name));
            }
            count += 1;
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(count > 100, "{count} inputs");
}
