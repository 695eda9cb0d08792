//! The ops on files.

use super::{
    FirstFrame, MeanPool, ReversePadded, ZeroPadding, first_frame, mean_pool, reverse_padded, zero_padding,
};
use crate::Backend;
use crate::on_files::{Call, LENS, Made, OnFiles, Words};

impl OnFiles for FirstFrame {
    const ABOUT: &'static str = "frame 0 of each sequence";
    const OPERANDS: Words = &[("x", "[B, T, C]")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let x = call.operand("x")?;
        Ok(first_frame(&mut call.tape, &x)?)
    }
}

impl OnFiles for MeanPool {
    const ABOUT: &'static str = "the mean over the valid frames";
    const OPERANDS: Words = &[("x", "[B, T, C]"), LENS];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let x = call.operand("x")?;
        let lens = call.lens(&x)?;
        Ok(mean_pool(&mut call.tape, &x, &lens)?)
    }
}

impl OnFiles for ReversePadded {
    const ABOUT: &'static str = "the valid frames in reverse order, 0 behind them";
    const OPERANDS: Words = &[("x", "[B, T, C]"), LENS];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let x = call.operand("x")?;
        let lens = call.lens(&x)?;
        Ok(reverse_padded(&mut call.tape, &x, &lens)?)
    }
}

impl OnFiles for ZeroPadding {
    const ABOUT: &'static str = "0 behind the valid frames";
    const OPERANDS: Words = &[("x", "[B, T, C]"), LENS];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let x = call.operand("x")?;
        let lens = call.lens(&x)?;
        Ok(zero_padding(&mut call.tape, &x, &lens)?)
    }
}
