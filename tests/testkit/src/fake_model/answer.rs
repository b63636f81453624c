//! Turns a scripted reply into a response.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Json;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::stream;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;

use super::NAME;
use super::reply::{Kind, Reply};
use crate::exchange::{Ending, OpenExchange};
use crate::sse::delta_event;

/// Builds the answer in one piece, for a request that asks for no stream.
pub(super) fn whole(reply: &Reply, exchange: &OpenExchange) -> Response {
    exchange.add_reasoning(&reply.reasoning);
    exchange.add_text(&reply.text);
    exchange.end(Ending::Finished);
    let message =
        json!({ "role": "assistant", "content": reply.text, "reasoning_content": reply.reasoning });
    let choice = json!({ "index": 0, "message": message, "finish_reason": "stop" });
    let usage = json!({ "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2 });
    let body = json!({ "id": "chatcmpl-fake", "object": "chat.completion", "created": 0, "model": NAME,
                       "choices": [choice], "usage": usage });
    Json(body).into_response()
}

/// Builds the answer as a stream of events.
pub(super) fn streamed(
    reply: Reply,
    exchange: OpenExchange,
    gate: watch::Receiver<bool>,
    with_usage: bool,
) -> Response {
    let answer = Answer {
        moves: moves(&reply, with_usage),
        write_bytes: reply.write_bytes,
        pause: reply
            .deltas_per_second
            .map(|rate| Duration::from_secs_f64(1.0 / rate)),
        next_delta_at: Instant::now(),
        pieces: VecDeque::new(),
        exchange,
        gate,
    };
    let body = stream::unfold(answer, |mut answer| async {
        let piece = answer.next_piece().await?;
        Some((piece, answer))
    });
    (
        [(header::CONTENT_TYPE, "text/event-stream")],
        Body::from_stream(body),
    )
        .into_response()
}

/// One step of an answer.
enum Move {
    /// An event that carries no part of the answer.
    Frame(String),
    Delta(Kind, String),
    Hold,
    Cut,
    Finish,
}

fn moves(reply: &Reply, with_usage: bool) -> VecDeque<Move> {
    let mut moves = VecDeque::from([Move::Frame(delta_event(
        NAME,
        json!({ "role": "assistant" }),
        None,
    ))]);
    let place = |moves: &mut VecDeque<Move>, deltas: usize| {
        if reply.hold_after == Some(deltas) {
            moves.push_back(Move::Hold);
        }
        if reply.cut_after == Some(deltas) {
            moves.push_back(Move::Cut);
        }
    };
    place(&mut moves, 0);
    for (index, (kind, text)) in reply.deltas().into_iter().enumerate() {
        moves.push_back(Move::Delta(kind, text));
        place(&mut moves, index + 1);
    }
    moves.push_back(Move::Frame(delta_event(NAME, json!({}), Some("stop"))));
    if with_usage {
        let usage = json!({ "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2 });
        let chunk = json!({ "id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": 0, "model": NAME,
                            "choices": [], "usage": usage });
        moves.push_back(Move::Frame(format!("data: {chunk}\n\n")));
    }
    // The exchange is finished before its last event is handed over: the client may close as soon as it has that.
    moves.push_back(Move::Finish);
    moves.push_back(Move::Frame("data: [DONE]\n\n".to_owned()));
    moves
}

/// An answer in progress. The server drops it when the client's connection is gone, which ends the exchange.
struct Answer {
    moves: VecDeque<Move>,
    write_bytes: Option<usize>,
    pause: Option<Duration>,
    next_delta_at: Instant,
    pieces: VecDeque<Bytes>,
    exchange: OpenExchange,
    gate: watch::Receiver<bool>,
}

impl Answer {
    async fn next_piece(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            // Yield once per piece, so that the server writes out what it has before it asks for more.
            tokio::task::yield_now().await;
            if let Some(piece) = self.pieces.pop_front() {
                return Some(Ok(piece));
            }
            match self.moves.pop_front()? {
                Move::Frame(frame) => self.write(frame),
                Move::Delta(kind, text) => self.write_delta(kind, &text).await,
                Move::Hold => drop(self.gate.wait_for(|open| *open).await),
                Move::Cut => {
                    self.exchange.end(Ending::CutByServer);
                    return Some(Err(io::Error::other("cut as the script says")));
                }
                Move::Finish => self.exchange.end(Ending::Finished),
            }
        }
    }

    async fn write_delta(&mut self, kind: Kind, text: &str) {
        if let Some(pause) = self.pause {
            tokio::time::sleep_until(self.next_delta_at).await;
            self.next_delta_at += pause;
        }
        let field = match kind {
            Kind::Reasoning => "reasoning_content",
            Kind::Text => "content",
        };
        self.write(delta_event(NAME, json!({ field: text }), None));
        match kind {
            Kind::Reasoning => self.exchange.add_reasoning(text),
            Kind::Text => self.exchange.add_text(text),
        }
    }

    fn write(&mut self, frame: String) {
        let bytes = Bytes::from(frame);
        let size = self.write_bytes.unwrap_or(bytes.len());
        self.pieces.extend(
            (0..bytes.len())
                .step_by(size)
                .map(|at| bytes.slice(at..bytes.len().min(at + size))),
        );
    }
}
