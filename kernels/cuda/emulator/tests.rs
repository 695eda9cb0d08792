//! That the emulator finds what it is there to find.

use super::*;

static FAULTS: Source = Source { name: "faults", text: include_str!("faults.cu") };

/// What a kernel over 64 threads and a buffer of 64 values says, in both orders.
fn run(entry: &'static str) -> Option<[Result<Vec<f32>, String>; 2]> {
    let run = |gpu: Emulator| {
        let x = gpu.holding(&(0..64).map(|i| i as f32).collect::<Vec<_>>());
        let done =
            gpu.launch(&FAULTS, entry, Grid::new(1, 64).shared(64), &[x.part().into(), 64usize.into()]);
        done.map(|()| gpu.values(x.part())).map_err(|failure| failure.to_string())
    };
    Some([run(Emulator::new(false)?), run(Emulator::new(true)?)])
}

#[test]
fn faults_are_told() {
    for (entry, want) in [
        ("writes_behind", "faults.cu: writes_behind: wrote 0 values behind the end of a buffer of 64"),
        ("writes_before", "faults.cu: writes_before: wrote 1 values before a buffer of 64"),
        ("half_a_barrier", "threads wait for others that do not come"),
        ("two_barriers", "threads wait at different barriers, lines 19 and 21"),
        ("shared_behind", "wrote behind its 256 bytes of shared memory"),
        ("crooked", "16 bytes are read or written at once where they may not"),
        ("lost_lane", "a shuffle names lane 3, which is not there"),
    ] {
        for said in run(entry).into_iter().flatten() {
            let said = said.expect_err(entry);
            assert!(said.contains(want), "{entry}: {said}");
        }
    }
}

#[test]
fn a_missing_barrier_shows_in_the_order_of_threads() {
    let Some([ascending, descending]) = run("no_barrier") else { return };
    assert_ne!(ascending.map(|x| bits(&x)), descending.map(|x| bits(&x)));
    let Some([ascending, descending]) = run("reverses") else { return };
    let want: Vec<f32> = (0..64).map(|i| (63 - i) as f32).collect();
    assert_eq!((ascending, descending), (Ok(want.clone()), Ok(want)));
}

#[test]
fn what_was_never_written_is_no_number() {
    let Some([ascending, _]) = run("reads_shared") else { return };
    assert!(ascending.expect("runs").iter().all(|value| value.is_nan()));
    let Some(gpu) = Emulator::new(false) else { return };
    let buffer = gpu.buffer(5).expect("room");
    assert!(gpu.values(buffer.part()).iter().all(|value| value.is_nan()));
}

#[test]
fn sums_over_warps_and_blocks_reach_every_thread() {
    let Some([ascending, descending]) = run("sums") else { return };
    let want: Vec<f32> = (0..64).map(|i| if i < 32 { 496.0 + 2016.0 } else { 1520.0 + 2016.0 }).collect();
    assert_eq!((ascending, descending), (Ok(want.clone()), Ok(want)));
}

#[test]
fn arguments_are_held_to_their_types() {
    let Some(gpu) = Emulator::new(false) else { return };
    let x = gpu.holding(&[1.0; 64]);
    let refuse = |entry, args: &[Arg]| {
        gpu.launch(&FAULTS, entry, Grid::new(1, 32), args).expect_err("refused").to_string()
    };
    assert!(refuse("sums", &[(&x).into(), Arg::I32(1)]).ends_with("takes `pl`, and was given `pi`"));
    assert!(refuse("sums", &[Arg::At(17), 1usize.into()]).ends_with("argument 0 points nowhere"));
    assert!(refuse("nothing", &[]).ends_with("there is no kernel `nothing`"));
    let too_many = gpu.launch(&FAULTS, "sums", Grid::new(1, 2048), &[]).expect_err("refused").to_string();
    assert!(too_many.starts_with("no GPU can start `sums`"), "{too_many}");
}
