//! Payments as operators see them: lists, what providers say of them, and what was looked at.

mod list;
mod reconcile;

use billing_client::v1::ClearAttentionRequest;
use tokio::runtime::Runtime;

pub(crate) use self::{list::list, reconcile::reconcile};
use super::{args::ClearAttention, connect::connect, exit::CommandError};
use crate::stdout;

/// Takes a transaction off the list of those that a person should look at.
pub(crate) fn clear_attention(command: &ClearAttention) -> Result<(), CommandError> {
    let request = ClearAttentionRequest {
        user_id: command.user.clone(),
        id: command.transaction.clone(),
    };
    let cleared = Runtime::new()?.block_on(async {
        let client = connect(&command.client).await?;
        Ok::<_, CommandError>(client.clear_attention(request).await?)
    })?;
    stdout::line(format_args!("cleared {}", cleared.id))?;
    Ok(())
}
