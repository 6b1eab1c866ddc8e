//! A histogram of whole numbers (µs, KiB, counts): log-linear buckets, so that two of them can be added.
//!
//! Below 64 every number has a bucket of its own; above, each power of two is cut into 32. The value told for a bucket is
//! its middle, so it is at most 1.6 % from any number in it. 1,920 buckets hold all of `u64`, and only those in use take
//! room. `python/workaday/measure/histogram.py` has the same buckets; `tests/vectors/histograms.jsonl` holds both to it.

/// Each power of two is cut into `1 << BITS` buckets.
const BITS: u32 = 5;
const FIRST_SHARED: u64 = 64;
/// Buckets there can be.
pub const BUCKETS_MAX: usize = 1_920;
/// The first byte of the encoding.
const FORMAT: u8 = 1;

/// Many numbers, remembered by bucket. Exact: how many, their sum, the greatest. To 1.6 %: everything else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Bucket and count, ascending by bucket; no count is 0.
    buckets: Vec<(u16, u64)>,
    sum: u64,
    max: u64,
}

/// Bytes that are no histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are no histogram of a format that this program knows")]
pub struct Malformed;

/// The bucket of a value.
pub const fn bucket_of(value: u64) -> u16 {
    if value < FIRST_SHARED {
        return value as u16;
    }
    let shift = 63 - value.leading_zeros() - BITS;
    ((shift << BITS) as u64 + (value >> shift)) as u16
}

/// The value told for a bucket: its middle, rounded down. The value itself below 64.
pub const fn value_of(bucket: u16) -> u64 {
    let bucket = bucket as u64;
    if bucket < FIRST_SHARED {
        return bucket;
    }
    let shift = (bucket >> BITS) - 1;
    let low = (bucket - (shift << BITS)) << shift;
    low + ((1 << shift) - 1) / 2
}

impl Histogram {
    pub fn record(&mut self, value: u64) {
        self.record_many(value, 1);
    }

    /// The same value, so many times.
    pub fn record_many(&mut self, value: u64, count: u64) {
        if count == 0 {
            return;
        }
        self.add(bucket_of(value), count);
        self.sum = self.sum.saturating_add(value.saturating_mul(count));
        self.max = self.max.max(value);
    }

    pub fn merge(&mut self, other: &Histogram) {
        other.buckets.iter().for_each(|(bucket, count)| self.add(*bucket, *count));
        self.sum = self.sum.saturating_add(other.sum);
        self.max = self.max.max(other.max);
    }

    fn add(&mut self, bucket: u16, count: u64) {
        match self.buckets.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(place) => self.buckets[place].1 = self.buckets[place].1.saturating_add(count),
            Err(place) => self.buckets.insert(place, (bucket, count)),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    pub fn count(&self) -> u64 {
        self.buckets.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    pub fn sum(&self) -> u64 {
        self.sum
    }

    pub fn max(&self) -> u64 {
        self.max
    }

    /// `None` when nothing was recorded.
    pub fn mean(&self) -> Option<f64> {
        (!self.is_empty()).then(|| self.sum as f64 / self.count() as f64)
    }

    /// The value that this share of all (0 to 1) does not exceed; nearest rank, never above [`Self::max`].
    pub fn quantile(&self, share: f64) -> Option<u64> {
        let rank = (share.clamp(0.0, 1.0) * self.count() as f64).ceil().max(1.0) as u64;
        let mut seen = 0_u64;
        let reaches = |(_, count): &&(u16, u64)| {
            seen = seen.saturating_add(*count);
            seen >= rank
        };
        self.buckets.iter().find(reaches).map(|(bucket, _)| value_of(*bucket).min(self.max))
    }

    /// How many lie above the value, to the precision of a bucket.
    pub fn above(&self, value: u64) -> u64 {
        let limit = bucket_of(value);
        self.buckets.iter().filter(|(bucket, _)| *bucket > limit).map(|(_, count)| count).sum()
    }

    /// (value of the bucket, count), ascending.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.buckets.iter().map(|(bucket, count)| (value_of(*bucket), *count))
    }

    /// A histogram as exported: its buckets by their values, and what is known exactly.
    pub fn from_buckets(buckets: impl IntoIterator<Item = (u64, u64)>, sum: u64, max: u64) -> Histogram {
        let mut made = Histogram { buckets: Vec::new(), sum, max };
        buckets.into_iter().filter(|(_, count)| *count > 0).for_each(|(value, count)| made.add(bucket_of(value), count));
        made
    }

    /// Compact bytes: format, sum, max, then (gap to the bucket before, count), each a LEB128. Nothing recorded: no bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 + self.buckets.len() * 3);
        if self.is_empty() {
            return bytes;
        }
        bytes.push(FORMAT);
        put(&mut bytes, self.sum);
        put(&mut bytes, self.max);
        let mut next = 0;
        for (bucket, count) in &self.buckets {
            put(&mut bytes, u64::from(bucket - next));
            put(&mut bytes, *count);
            next = bucket + 1;
        }
        bytes
    }

    pub fn decode(bytes: &[u8]) -> Result<Histogram, Malformed> {
        let Some((format, mut rest)) = bytes.split_first() else { return Ok(Histogram::default()) };
        if *format != FORMAT {
            return Err(Malformed);
        }
        let (sum, max) = (take(&mut rest)?, take(&mut rest)?);
        let mut made = Histogram { buckets: Vec::new(), sum, max };
        let mut next = 0_u64;
        while !rest.is_empty() {
            let bucket = next.checked_add(take(&mut rest)?).filter(|bucket| *bucket < BUCKETS_MAX as u64).ok_or(Malformed)?;
            let count = take(&mut rest)?;
            if count == 0 {
                return Err(Malformed);
            }
            made.buckets.push((bucket as u16, count));
            next = bucket + 1;
        }
        Ok(made)
    }
}

fn put(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn take(rest: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first().ok_or(Malformed)?;
        *rest = after;
        let part = u64::from(byte & 0x7f);
        if shift == 63 && part > 1 {
            return Err(Malformed);
        }
        value |= part << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Malformed)
}
