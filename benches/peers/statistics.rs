//! Medians and what surrounds them.
//!
//! In: samples. Out: quantiles, and ratios of samples that were taken in the
//! same round, so that a machine that is busy for a while disturbs both.
//!
//! **Never:** a mean: one descheduled round would decide it.

/// Samples in order of size.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sorted(Vec<f64>);

impl Sorted {
    /// Sorts samples; none of them is a NaN.
    pub(crate) fn new(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        Self(samples)
    }

    /// The sample below which `part` (0 to 1) of all lie; 0 of none.
    pub(crate) fn quantile(&self, part: f64) -> f64 {
        let last = self.0.len().saturating_sub(1);
        let index = (part * last as f64).round() as usize;
        self.0.get(index).copied().unwrap_or(0.0)
    }

    /// The one in the middle.
    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }
}

/// The median of the ratios of samples of the same round.
pub(crate) fn paired_ratio(samples: &[f64], reference: &[f64]) -> f64 {
    let ratios = samples.iter().zip(reference).map(|(a, b)| a / b);
    Sorted::new(ratios.collect()).median()
}

/// Another order for every round, so that nobody always comes after the same
/// neighbour; the same orders in every run (xorshift64).
pub(crate) struct Shuffle(u64);

impl Shuffle {
    /// The first order.
    pub(crate) fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    /// The numbers below `count` in the next order.
    pub(crate) fn order(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for end in (1..count).rev() {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            order.swap(end, (self.0 % (end as u64 + 1)) as usize);
        }
        order
    }
}
