//! Sums of the parts that the halves of a layer give, across one thread or two.
//!
//! Each of two threads writes its part where the other reads it, as atomic words: a number tells that a part is whole, and as no thread
//! comes round again before the other has answered, two places to write to are enough. Waiting spins: a step of a tier takes microseconds, waking
//! a sleeping thread would take longer.

use std::hint;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;

use crate::simd;

/// Into how many parts layers are cut, and the most threads that may share a step.
pub const SHARDS: usize = 2;
/// Looks at a number without a pause between, then with one, before others are let onto this core: some ten microseconds.
const EAGER: u32 = 1 << 8;
const PATIENT: u32 = 1 << 9;

/// What half `shard` has of `len` things.
pub fn share(len: usize, shard: usize) -> Range<usize> {
    let middle = len.div_ceil(SHARDS);
    [0..middle, middle..len][shard].clone()
}

/// The other thread of a pair has ended in the middle of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the thread that shares the steps has ended")]
pub struct Lost;

/// The parts of the sum at hand, as one thread sees them.
#[derive(Debug)]
pub struct Sums {
    own: Range<usize>,
    /// The parts one after another, then the sum.
    parts: [Vec<f32>; SHARDS],
    total: Vec<f32>,
    end: Option<End>,
}

impl Sums {
    /// For one thread that computes all parts, of at most `len` values.
    pub fn alone(len: usize) -> Self {
        let room = || vec![0.0; len];
        Sums { own: 0..SHARDS, parts: std::array::from_fn(|_| room()), total: room(), end: None }
    }

    /// The halves that this thread computes.
    pub fn own(&self) -> Range<usize> {
        self.own.clone()
    }

    /// Where part `shard` of this thread's own is to be written.
    pub fn part(&mut self, shard: usize) -> &mut [f32] {
        &mut self.parts[shard]
    }

    /// Shows the other thread the first `len` values of this thread's part, when it is written.
    pub fn show(&mut self, len: usize) {
        if let Some(end) = &mut self.end {
            end.show(&self.parts[end.me][..len]);
        }
    }

    /// The sum of all parts' first `len` values, when the other thread has shown its own.
    ///
    /// # Errors
    /// It never will.
    pub fn total(&mut self, len: usize) -> Result<&[f32], Lost> {
        if let Some(end) = &self.end {
            end.see(&mut self.parts[1 - end.me][..len])?;
        }
        let total = &mut self.total[..len];
        let [first, second] = self.parts.each_ref().map(|part| &part[..len]);
        simd::dispatch(
            #[inline(always)]
            || total.iter_mut().zip(first).zip(second).for_each(|((to, a), b)| *to = a + b),
        );
        Ok(total)
    }
}

/// For two threads that compute a half each, of at most `len` values.
pub fn pair(len: usize) -> [Sums; SHARDS] {
    let words = || (0..len.div_ceil(2)).map(|_| AtomicU64::new(0)).collect();
    let post = || Post { whole: AtomicU32::new(0), words: [words(), words()] };
    let wire = Arc::new(Wire { posts: [post(), post()], closed: AtomicBool::new(false) });
    std::array::from_fn(|me| Sums {
        own: me..me + 1,
        end: Some(End { wire: Arc::clone(&wire), me, turn: 0 }),
        ..Sums::alone(len)
    })
}

/// What one thread shows, apart from the other's lines of memory.
#[derive(Debug)]
#[repr(align(128))]
struct Post {
    /// The turn whose part is whole.
    whole: AtomicU32,
    /// Two values in each word; turns alternate.
    words: [Box<[AtomicU64]>; 2],
}

#[derive(Debug)]
struct Wire {
    posts: [Post; SHARDS],
    closed: AtomicBool,
}

/// One thread's end of a wire.
#[derive(Debug)]
struct End {
    wire: Arc<Wire>,
    me: usize,
    turn: u32,
}

impl End {
    fn show(&mut self, part: &[f32]) {
        self.turn = self.turn.wrapping_add(1);
        let post = &self.wire.posts[self.me];
        let (pairs, last) = part.as_chunks::<2>();
        let words = &post.words[self.turn as usize % 2];
        for (word, [low, high]) in words.iter().zip(pairs) {
            let both = u64::from(low.to_bits()) | u64::from(high.to_bits()) << 32;
            word.store(both, Ordering::Relaxed);
        }
        if let (Some(word), [low]) = (words.get(pairs.len()), last) {
            word.store(u64::from(low.to_bits()), Ordering::Relaxed);
        }
        post.whole.store(self.turn, Ordering::Release);
    }

    /// The other's part of this turn.
    fn see(&self, part: &mut [f32]) -> Result<(), Lost> {
        let post = &self.wire.posts[1 - self.me];
        self.wait(post)?;
        let (pairs, last) = part.as_chunks_mut::<2>();
        let words = &post.words[self.turn as usize % 2];
        for ([low, high], word) in pairs.iter_mut().zip(words) {
            let both = word.load(Ordering::Relaxed);
            (*low, *high) = (f32::from_bits(both as u32), f32::from_bits((both >> 32) as u32));
        }
        if let (Some(word), [low]) = (words.get(pairs.len()), last) {
            *low = f32::from_bits(word.load(Ordering::Relaxed) as u32);
        }
        Ok(())
    }

    /// Until the part of this turn is whole.
    fn wait(&self, post: &Post) -> Result<(), Lost> {
        let mut looks = 0u32;
        // The other thread may be one turn ahead, never more.
        while (post.whole.load(Ordering::Acquire).wrapping_sub(self.turn) as i32) < 0 {
            looks += 1;
            if looks < EAGER {
                continue;
            }
            if self.wire.closed.load(Ordering::Acquire) {
                return Err(Lost);
            }
            if looks < PATIENT { hint::spin_loop() } else { thread::yield_now() }
        }
        Ok(())
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.wire.closed.store(true, Ordering::Release);
    }
}
