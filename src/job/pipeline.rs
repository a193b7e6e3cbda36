//! Reader, workers, one ordered writer.
//!
//! A fixed set of items goes round: the producer fills one, any worker transforms it, the consumer (the calling
//! thread, so there is one writer) takes them in the order in which they were filled, and gives them back.
//! So buffers are reused, memory is bounded by the number of items, and a slow stage holds up the others.

use std::collections::BTreeMap;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::error::{Error, Result};

/// Memory that all items and workers of a pipeline may take together; the rest of the 256 MiB we promise is for
/// the cluster map, the index and the program itself.
const MEMORY: u64 = 200 << 20;
/// Items beside those that the workers hold: one being filled, one being written, one waiting for its turn.
const SPARE_ITEMS: u64 = 3;

/// How wide a pipeline is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Width {
    /// Worker threads.
    pub(crate) threads: usize,
    /// Items in flight.
    pub(crate) items: usize,
}

impl Width {
    /// For items that take up to `item_bytes`, and workers that take `worker_bytes` each; `threads` 0 means
    /// as many as there are processors.
    pub(crate) fn new(threads: usize, item_bytes: u64, worker_bytes: u64) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let wanted = if threads == 0 { processors } else { threads };
        let by_memory = MEMORY.saturating_sub(SPARE_ITEMS * item_bytes) / (item_bytes + worker_bytes).max(1);
        let threads = (wanted as u64).min(by_memory).max(1);
        let fit = (MEMORY.saturating_sub(threads * worker_bytes) / item_bytes.max(1)).max(SPARE_ITEMS);
        // Twice as many as are worked on: chunks differ in how hard they are, and come out in order.
        Self { threads: threads as usize, items: (2 * threads + 2).min(fit) as usize }
    }
}

type Numbered<I> = (u64, Result<I>);

/// Runs a pipeline over `items` to its end.
///
/// `produce` fills an item and says whether there was anything to fill it with; `worker` makes one
/// transformation per thread; `consume` gets the items in order.
///
/// # Errors
/// The first error in the order of the items, whichever stage it came from. All threads have ended then.
pub(crate) fn ordered<I, P, M, W, C>(
    items: Vec<I>,
    threads: usize,
    mut produce: P,
    worker: M,
    mut consume: C,
) -> Result<()>
where
    I: Send,
    P: FnMut(&mut I) -> Result<bool> + Send,
    M: Fn() -> Result<W> + Sync,
    W: FnMut(&mut I) -> Result<()>,
    C: FnMut(&mut I) -> Result<()>,
{
    let count = items.len();
    let (free_tx, free_rx) = bounded(count);
    let (full_tx, full_rx) = bounded::<Numbered<I>>(count);
    let (done_tx, done_rx) = bounded::<Numbered<I>>(count + threads + 1);
    for item in items {
        // OK to ignore: the channel has room for all of them and both ends are here.
        let _ = free_tx.send(item);
    }
    std::thread::scope(|scope| {
        scope.spawn(move || fill(&free_rx, &full_tx, &mut produce));
        for _ in 0..threads {
            let (full, done, worker) = (full_rx.clone(), done_tx.clone(), &worker);
            scope.spawn(move || transform(&full, &done, worker));
        }
        drop((full_rx, done_tx));
        // Both ends that the stages before wait on are dropped when this returns, error or not: they end.
        let result = collect(done_rx, &free_tx, &mut consume);
        drop(free_tx);
        result
    })
}

fn fill<I>(free: &Receiver<I>, full: &Sender<Numbered<I>>, produce: &mut impl FnMut(&mut I) -> Result<bool>) {
    for (number, mut item) in free.iter().enumerate() {
        let filled = match produce(&mut item) {
            Ok(true) => Ok(item),
            Ok(false) => return,
            Err(error) => Err(error),
        };
        let last = filled.is_err();
        if full.send((number as u64, filled)).is_err() || last {
            return;
        }
    }
}

fn transform<I, W>(full: &Receiver<Numbered<I>>, done: &Sender<Numbered<I>>, worker: &impl Fn() -> Result<W>)
where
    W: FnMut(&mut I) -> Result<()>,
{
    let mut made = worker();
    for (number, item) in full {
        let item = match (&mut made, item) {
            (Ok(work), Ok(mut item)) => work(&mut item).map(|()| item),
            (_, Err(error)) => Err(error),
            (Err(_), Ok(_)) => Err(Error::damaged("a worker could not be started: out of memory")),
        };
        if done.send((number, item)).is_err() {
            return;
        }
    }
}

fn collect<I>(
    done: Receiver<Numbered<I>>,
    free: &Sender<I>,
    consume: &mut impl FnMut(&mut I) -> Result<()>,
) -> Result<()> {
    let mut waiting = BTreeMap::new();
    let mut next = 0;
    for (number, item) in done {
        waiting.insert(number, item);
        while let Some(item) = waiting.remove(&next) {
            let mut item = item?;
            consume(&mut item)?;
            next += 1;
            // The producer is gone once it reached the end.
            let _ = free.send(item);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipeline_never_takes_more_memory_than_was_promised() {
        for item in [1u64 << 20, 8 << 20, 32 << 20] {
            for worker in [1u64 << 20, 8 << 20, 30 << 20, 66 << 20, 82 << 20] {
                for wanted in [1, 2, 7, 64] {
                    let width = Width::new(wanted, item, worker);
                    assert!(width.threads >= 1 && width.threads <= wanted && width.items > width.threads);
                    let memory = width.items as u64 * item + width.threads as u64 * worker;
                    assert!(memory <= MEMORY, "{width:?} of {item} and {worker} take {memory}");
                }
            }
        }
        assert_eq!(Width::new(2, 8 << 20, 66 << 20).threads, 2);
    }

    fn run(fail_at: (u64, u64, u64)) -> (Result<()>, Vec<u64>) {
        let mut at = 0;
        let mut seen = Vec::new();
        let result = ordered(
            vec![0u64; 5],
            3,
            |item| {
                at += 1;
                *item = at;
                if at == fail_at.0 { Err(Error::damaged("produce")) } else { Ok(at <= 100) }
            },
            || {
                Ok(|item: &mut u64| {
                    if (*item).is_multiple_of(7) {
                        std::thread::yield_now();
                    }
                    if *item == fail_at.1 { Err(Error::damaged("work")) } else { Ok(()) }
                })
            },
            |item| {
                seen.push(*item);
                if *item == fail_at.2 { Err(Error::damaged("consume")) } else { Ok(()) }
            },
        );
        (result, seen)
    }

    #[test]
    fn items_come_out_in_the_order_they_went_in() {
        let (result, seen) = run((0, 0, 0));
        result.unwrap();
        assert_eq!(seen, (1..=100).collect::<Vec<_>>());
    }

    #[test]
    fn an_error_in_any_stage_ends_all_of_them_after_what_was_before_it() {
        for n in [1, 2, 50, 100] {
            let (result, seen) = run((n, 0, 0));
            assert!(result.unwrap_err().to_string().contains("produce"));
            assert_eq!(seen, (1..n).collect::<Vec<_>>());
            let (result, seen) = run((0, n, 0));
            assert!(result.unwrap_err().to_string().contains("work"));
            assert_eq!(seen, (1..n).collect::<Vec<_>>());
            let (result, seen) = run((0, 0, n));
            assert!(result.unwrap_err().to_string().contains("consume"));
            assert_eq!(seen, (1..=n).collect::<Vec<_>>());
        }
    }
}
