//! An answer of a model server that sends anything, cut anywhere.

use baton_runner::provider::{AnswerReader, ModelEvent, StreamFault};

/// What an answer gave, pieces of one kind put together.
#[derive(PartialEq, Default)]
struct Read {
    reasoning: String,
    text: String,
    end: Option<Result<ModelEvent, StreamFault>>,
}

/// Reads the bytes at once, byte by byte, and in pieces whose lengths the bytes themselves give.
///
/// # Panics
/// Where a reading has no end or goes on behind it, where the readings differ, or where more text comes out than went in.
pub fn model_stream(data: &[u8]) {
    let whole = read([data].into_iter());
    assert!(
        whole.text.len() + whole.reasoning.len() <= 3 * data.len() + 3,
        "more comes out than a replacement for each byte"
    );
    assert!(
        read(data.chunks(1)) == whole && read(pieces(data)) == whole,
        "where reads cut the bytes changes the answer"
    );
}

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Read {
    let mut reader = AnswerReader::default();
    let mut read = Read::default();
    for piece in pieces {
        reader.push(piece);
        take(&mut reader, &mut read);
    }
    reader.finish();
    take(&mut reader, &mut read);
    assert!(
        reader.is_over() && read.end.is_some(),
        "an answer has an end"
    );
    read
}

fn take(reader: &mut AnswerReader, read: &mut Read) {
    while let Some(item) = reader.next() {
        assert!(read.end.is_none(), "something comes behind the end");
        match item {
            Ok(ModelEvent::Text(text)) => {
                assert!(!text.is_empty(), "a piece holds something");
                read.text.push_str(&text);
            }
            Ok(ModelEvent::Reasoning(text)) => {
                assert!(!text.is_empty(), "a piece holds something");
                read.reasoning.push_str(&text);
            }
            Ok(ModelEvent::Usage(_)) => {}
            last => read.end = Some(last),
        }
    }
}

fn pieces(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let length = usize::from(*rest.first()? % 32) + 1;
        let (piece, behind) = rest.split_at(length.min(rest.len()));
        rest = behind;
        Some(piece)
    })
}
