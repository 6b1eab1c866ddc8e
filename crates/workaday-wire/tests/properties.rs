//! For any frame, and for any bytes.

use proptest::prelude::*;
use workaday_wire::{CancelWhy, Decoder, FRAME_BYTES_MAX, Frame, Job, Log, Outcome, OutcomeKind, Stream, WireError};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "\\PC{0,40}", proptest::collection::vec(any::<char>(), 0..200).prop_map(|c| c.into_iter().collect())]
}

fn job() -> impl Strategy<Value = Frame> {
    let numbers = (any::<u64>(), any::<bool>(), any::<u32>(), any::<u64>(), any::<i64>(), any::<u64>(), any::<i64>());
    (numbers, any::<[u8; 16]>(), text(), text(), text()).prop_map(|(n, id, task, args, meta)| {
        let (seq, flush_at_once, attempt, fence, timeout_us, memory_bytes, run_at) = n;
        Frame::Job(Job { seq, flush_at_once, attempt, fence, timeout_us, memory_bytes, run_at, id, task, args, meta })
    })
}

fn outcome() -> impl Strategy<Value = Frame> {
    let numbers = (any::<u64>(), any::<bool>(), any::<i64>(), any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>());
    (numbers, proptest::sample::select(OutcomeKind::ALL), text(), text()).prop_map(|(n, kind, mark, payload)| {
        let (seq, retry, until_us, started_ns, ended_ns, cpu_us, maxrss_kib) = n;
        Frame::Outcome(Outcome { seq, kind, retry, until_us, started_ns, ended_ns, cpu_us, maxrss_kib, mark, payload })
    })
}

fn log() -> impl Strategy<Value = Frame> {
    (any::<u64>(), proptest::sample::select(Stream::ALL), any::<u8>(), any::<i64>(), text(), text())
        .prop_map(|(seq, stream, level, at_us, logger, text)| Frame::Log(Log { seq, stream, level, at_us, logger, text }))
}

fn frame() -> impl Strategy<Value = Frame> {
    let seqs = proptest::collection::vec(any::<u64>(), 0..50);
    prop_oneof![
        text().prop_map(|json| Frame::Hello { json }),
        text().prop_map(|json| Frame::Ready { json }),
        job(),
        any::<u64>().prop_map(|nonce| Frame::Recall { nonce }),
        (any::<u64>(), seqs).prop_map(|(nonce, seqs)| Frame::Recalled { nonce, seqs }),
        (any::<u64>(), any::<u64>()).prop_map(|(seq, at_ns)| Frame::Started { seq, at_ns }),
        (any::<u64>(), -1.0e9..1.0e9, text()).prop_map(|(seq, share, note)| Frame::Progress { seq, share, note }),
        log(),
        (any::<u64>(), text()).prop_map(|(seq, json)| Frame::Evidence { seq, json }),
        outcome(),
        (any::<u64>(), proptest::sample::select(CancelWhy::ALL)).prop_map(|(seq, why)| Frame::Cancel { seq, why }),
        any::<u64>().prop_map(|loop_lag_us| Frame::Heartbeat { loop_lag_us }),
        Just(Frame::Drain),
        text().prop_map(|json| Frame::Bye { json }),
    ]
}

/// Reads all frames that are there.
fn read(decoder: &mut Decoder) -> Result<Vec<Frame>, WireError> {
    std::iter::from_fn(|| decoder.next().transpose()).collect()
}

fn bytes_of(frames: &[Frame]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frames.iter().for_each(|frame| frame.encode(&mut bytes));
    bytes
}

proptest! {
    #[test]
    fn frames_come_back_as_sent_in_whatever_portions(
        frames in proptest::collection::vec(frame(), 0..20),
        portion in 1..300usize,
    ) {
        let mut decoder = Decoder::new();
        let mut got = Vec::new();
        for bytes in bytes_of(&frames).chunks(portion) {
            decoder.push(bytes);
            got.extend(read(&mut decoder).unwrap());
        }
        prop_assert_eq!(got, frames);
        prop_assert_eq!(decoder.pending(), 0);
    }

    #[test]
    fn borrowed_text_is_the_same_text(frame in frame()) {
        let mut decoder = Decoder::new();
        decoder.push(&bytes_of(std::slice::from_ref(&frame)));
        let mut again = Vec::new();
        decoder.next_borrowed().unwrap().unwrap().encode(&mut again);
        prop_assert_eq!(again, bytes_of(&[frame]));
    }

    #[test]
    fn a_cut_frame_waits_for_its_rest(frame in frame(), cut in any::<prop::sample::Index>()) {
        let bytes = bytes_of(std::slice::from_ref(&frame));
        let (head, tail) = bytes.split_at(cut.index(bytes.len()));
        let mut decoder = Decoder::new();
        decoder.push(head);
        prop_assert_eq!(decoder.next(), Ok(None));
        decoder.push(tail);
        prop_assert_eq!(decoder.next(), Ok(Some(frame)));
    }

    #[test]
    fn a_body_shorter_or_longer_than_its_fields_is_an_error(frame in frame(), extra in 1..9usize) {
        let bytes = bytes_of(&[frame]);
        let body = &bytes[4..];
        let longer = [body, &[0; 9][..extra]].concat();
        prop_assert!(decode_body(&longer).is_err());
        for length in 0..body.len() {
            prop_assert!(decode_body(&body[..length]).is_err());
        }
    }

    #[test]
    fn garbage_never_panics_and_an_error_is_for_ever(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let mut decoder = Decoder::new();
        decoder.push(&bytes);
        if let Err(error) = read(&mut decoder) {
            decoder.push(&bytes_of(&[Frame::Drain]));
            prop_assert_eq!(decoder.next(), Err(error));
        }
        // With a length that fits, the garbage reaches the fields.
        let _ = decode_body(&bytes);
    }

    #[test]
    fn a_damaged_byte_never_panics(frame in frame(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = bytes_of(&[frame]);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let mut decoder = Decoder::new();
        decoder.push(&bytes);
        let _ = read(&mut decoder);
    }
}

fn decode_body(body: &[u8]) -> Result<Option<Frame>, WireError> {
    let mut decoder = Decoder::new();
    decoder.push(&u32::try_from(body.len()).unwrap().to_le_bytes());
    decoder.push(body);
    decoder.next()
}

#[test]
fn an_unknown_type_is_an_error() {
    assert_eq!(decode_body(&[0]), Err(WireError::UnknownType { kind: 0 }));
    assert_eq!(decode_body(&[15, 1, 2]), Err(WireError::UnknownType { kind: 15 }));
}

#[test]
fn a_byte_that_names_nothing_is_an_error() {
    let mut cancel = bytes_of(&[Frame::Cancel { seq: 1, why: CancelWhy::Drain }]);
    *cancel.last_mut().unwrap() = 4;
    assert_eq!(decode_body(&cancel[4..]), Err(WireError::BadValue { kind: 11, field: "why", value: 4 }));
}

#[test]
fn a_length_that_would_hurt_is_refused_before_its_bytes_arrive() {
    let mut decoder = Decoder::new();
    decoder.push(&u32::MAX.to_le_bytes());
    assert_eq!(decoder.next(), Err(WireError::TooLong { length: u32::MAX as usize }));
    let mut decoder = Decoder::new();
    decoder.push(&u32::try_from(FRAME_BYTES_MAX).unwrap().to_le_bytes());
    assert_eq!(decoder.next(), Ok(None));
}

#[test]
fn a_count_of_seqs_that_cannot_be_true_allocates_nothing() {
    let body = [&[5][..], &7u64.to_le_bytes(), &u32::MAX.to_le_bytes()].concat();
    assert_eq!(decode_body(&body), Err(WireError::Short { kind: 5, field: "seqs" }));
}

#[test]
fn text_that_is_no_utf8_is_an_error() {
    let body = [&[2][..], &1u32.to_le_bytes(), &[0xff]].concat();
    assert_eq!(decode_body(&body), Err(WireError::NotUtf8 { kind: 2, field: "json" }));
}
