//! `draft`: prints or saves a session's draft.

use baton_protocol::Seq;
use serde_json::json;

use super::Context;
use crate::failure::Failure;

pub async fn draft(
    context: &Context<'_>,
    session: &str,
    text: Option<String>,
) -> Result<(), Failure> {
    let session = context.session(session).await?;
    let mut drafts = context.device.drafts().into_iter();
    let known = drafts.find(|draft| draft.session == session);
    let (now, seen) = known.map_or((String::new(), None), |draft| {
        let seen = Some(draft.seq).filter(|seq| *seq > Seq::ZERO);
        (draft.unsent.map_or(draft.text, |unsent| unsent.text), seen)
    });
    match text {
        Some(text) if text != now => {
            let intent = context.device.save_draft(session, text, seen).await?;
            context.answered(intent).await
        }
        _ => {
            context
                .output
                .json(&json!({ "type": "draft", "session": session, "text": now }));
            context.output.line(&now);
            Ok(())
        }
    }
}
