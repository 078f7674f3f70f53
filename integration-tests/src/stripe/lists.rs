//! Lists: newest first, in pages.

use serde_json::{Value, json};

use super::{
    error::Refusal,
    faults::Endpoint,
    params::Params,
    render,
    state::{Intent, State},
};

/// How many objects a page has when nothing else is asked for.
const PAGE: usize = 10;
/// How many it has at most.
const LONGEST_PAGE: usize = 100;

/// A page of what there is, given oldest first with ids.
fn page(objects: Vec<(String, Value)>, params: &Params) -> Result<Value, Refusal> {
    let limit = match params.number("limit")? {
        None => PAGE,
        Some(asked) => usize::try_from(asked)
            .ok()
            .filter(|limit| (1..=LONGEST_PAGE).contains(limit))
            .ok_or_else(|| {
                let message = format!("Invalid limit: {asked}");
                Refusal::parameter("parameter_invalid_integer", "limit", message)
            })?,
    };
    let skipped = match params.get("starting_after") {
        None => 0,
        Some(last) => objects
            .iter()
            .rev()
            .position(|(id, _)| id == last)
            .ok_or_else(|| Refusal::missing("starting_after", last))?
            .saturating_add(1),
    };
    let mut rest = objects.into_iter().rev().skip(skipped).map(|(_, it)| it);
    let data: Vec<Value> = rest.by_ref().take(limit).collect();
    let has_more = rest.next().is_some();
    Ok(json!({"object": "list", "url": "/v1", "data": data, "has_more": has_more}))
}

impl State {
    pub(super) fn list_intents(&self, params: &Params) -> Result<Value, Refusal> {
        let expand = params.expand(Endpoint::ListIntents)?;
        let (after, from) = (
            params.number("created[gt]")?,
            params.number("created[gte]")?,
        );
        let (before, until) = (
            params.number("created[lt]")?,
            params.number("created[lte]")?,
        );
        let customer = params.get("customer");
        let is_asked = |intent: &&Intent| {
            after.is_none_or(|time| intent.created > time)
                && from.is_none_or(|time| intent.created >= time)
                && before.is_none_or(|time| intent.created < time)
                && until.is_none_or(|time| intent.created <= time)
                && customer.is_none_or(|id| intent.customer.as_deref() == Some(id))
        };
        let shown = |it: &Intent| (it.id.clone(), render::intent(self, it, expand));
        let intents = self.intents.iter().filter(is_asked).map(shown);
        page(intents.collect(), params)
    }

    pub(super) fn list_refunds(&self, params: &Params) -> Result<Value, Refusal> {
        let intent = self.listed_intent(params)?;
        let refunds = self.refunds.iter();
        let refunds = refunds.filter(|it| intent.is_none_or(|id| it.intent == id));
        let shown = refunds.map(|it| (it.id.clone(), render::refund(self, it)));
        page(shown.collect(), params)
    }

    pub(super) fn list_disputes(&self, params: &Params) -> Result<Value, Refusal> {
        let intent = self.listed_intent(params)?;
        let disputes = self.disputes.iter();
        let disputes = disputes.filter(|it| intent.is_none_or(|id| it.intent == id));
        let shown = disputes.map(|it| (it.id.clone(), render::dispute(self, it)));
        page(shown.collect(), params)
    }

    fn listed_intent<'a>(&self, params: &'a Params) -> Result<Option<&'a str>, Refusal> {
        let Some(id) = params.get("payment_intent") else {
            return Ok(None);
        };
        self.intent(id)
            .map(|_| Some(id))
            .map_err(|_| Refusal::missing("payment_intent", id))
    }
}
