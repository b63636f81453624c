//! `grants`: lists standing approvals and takes them back.

use baton_client::StandingApproval;
use baton_protocol::{
    ApprovalAnswer, ApprovalId, CommandBody, ErrorCode, RevokeApprovalCommand,
    RevokeApprovalGrantCommand,
};
use serde_json::json;

use super::Context;
use super::control::look;
use crate::failure::Failure;
use crate::waiting;

pub async fn grants(
    context: &Context<'_>,
    session: Option<String>,
    revoke: Option<ApprovalId>,
) -> Result<(), Failure> {
    waiting::account_caught_up(&context.device, context.patience).await?;
    let everywhere = context.device.grants();
    let looked = match &session {
        Some(session) => Some(look(context, session).await?),
        None => None,
    };
    let here = looked.as_ref().map(|(_, overview)| &overview.standing);
    let Some(grant) = revoke else {
        for (approval, grant) in &everywhere {
            show(context, *approval, grant, "everywhere");
        }
        for (approval, grant) in here.into_iter().flatten() {
            show(context, *approval, grant, "session");
        }
        return Ok(());
    };
    match &looked {
        _ if everywhere.contains_key(&grant) => {
            let revoke = RevokeApprovalGrantCommand { grant };
            let body = CommandBody::RevokeApprovalGrant(revoke);
            context.act_on_lists(body).await
        }
        Some((session, overview)) if overview.standing.contains_key(&grant) => {
            let revoke = RevokeApprovalCommand { approval: grant };
            let body = CommandBody::RevokeApproval(revoke);
            context.act(*session, body).await
        }
        _ => {
            let message = format!("no answer `{grant}` covers later calls");
            let hint = "see `grants`, and `grants SESSION` for what holds in one session";
            Err(Failure::Refused(
                ErrorCode::GrantNotFound.with(message, hint),
            ))
        }
    }
}

fn show(context: &Context<'_>, approval: ApprovalId, grant: &StandingApproval, reach: &str) {
    let (covers, output) = (&grant.covers, context.output);
    output.json(&json!({
        "type": "grant",
        "approval": approval,
        "reach": reach,
        "answer": grant.answer,
        "by": grant.by,
        "covers": covers,
    }));
    let answer = match grant.answer {
        ApprovalAnswer::Allow => "allowed",
        ApprovalAnswer::Deny => "forbidden",
    };
    output.line(&format!(
        "{approval}  {answer}  {reach}  {}  {}",
        covers.tool, covers.pattern
    ));
}
