//! Usage summed up by day, model and user.

use billing_core::{
    Violation,
    ids::{ModelId, check_optional},
    report::{Days, GroupKey, GroupSums, Grouping},
};
use billing_proto::v1;
use billing_store::SumsFilter;

use crate::{
    api::{
        Violations,
        page::{FOREIGN_TOKEN, Page},
        time::{month, required_time},
        values::{amount, optional_id},
    },
    auth::ResolvedUser,
    error::ApiError,
};

/// Stands between the parts of a page's key; no id contains it.
const KEY_SEPARATOR: &str = "\n";

/// A page of sums that is asked for.
#[derive(Debug)]
pub(crate) struct SumsPage {
    /// Which sums.
    pub(crate) filter: SumsFilter,
    /// Which of them.
    pub(crate) page: Page<String>,
}

/// Which usage of `user` to sum up; `None` stands for all users.
///
/// # Errors
/// Every violation at once.
pub(crate) fn page(
    user: Option<&ResolvedUser>,
    request: v1::GetUsageBreakdownRequest,
) -> Result<SumsPage, ApiError> {
    let mut violations = Violations::default();
    let found = &mut violations;
    let grouping = grouping(&request.group_by, found);
    let filters = [
        "usage sums",
        &format!("{:?}{:?}", request.start_time, request.end_time),
        &request.month,
        user.map(ResolvedUser::as_str).unwrap_or_default(),
        &request.model,
        &format!("{grouping:?}"),
    ];
    let page = Page::<String>::read(&filters, request.page_size, &request.page_token, found);
    let after = page.as_ref().and_then(|page| page.after.as_deref());
    let after = after.and_then(|key| found.check("page_token", read_key(key)));
    let filter = days(&request, found).map(|days| SumsFilter {
        days,
        user_id: user.and_then(|user| found.check("user_id", user.id())),
        model: optional_id("model", request.model, ModelId::parse, found),
        grouping,
        after,
    });
    let read = filter.zip(page);
    violations.finish(read.map(|(filter, page)| SumsPage { filter, page }))
}

fn grouping(sent: &[i32], violations: &mut Violations) -> Grouping {
    let mut grouping = Grouping::default();
    for number in sent {
        match v1::UsageGrouping::try_from(*number) {
            Ok(v1::UsageGrouping::Day) => grouping.by_day = true,
            Ok(v1::UsageGrouping::Model) => grouping.by_model = true,
            Ok(v1::UsageGrouping::User) => grouping.by_user = true,
            Ok(v1::UsageGrouping::Unspecified) | Err(_) => {
                violations.check("group_by", Err::<(), _>("must be of day, model and user"));
                break;
            }
        }
    }
    grouping
}

fn days(request: &v1::GetUsageBreakdownRequest, violations: &mut Violations) -> Option<Days> {
    let times = [
        ("start_time", request.start_time),
        ("end_time", request.end_time),
    ];
    let given = times.iter().filter(|(_, time)| time.is_some());
    if !request.month.is_empty() {
        violations.extend(given.map(|(field, _)| Violation::new(field, "excludes month")));
        return month("month", &request.month, violations).map(Days::of_month);
    }
    if given.count() == 0 {
        return violations.check("month", Err("must be set, or start_time and end_time"));
    }
    let [start, end] = times.map(|(field, time)| required_time(field, time, violations));
    match Days::between(start?, end?) {
        Ok(days) => Some(days),
        Err(found) => {
            violations.extend(found);
            None
        }
    }
}

/// What leads from a page to the next: the key of its last sums.
#[must_use]
pub(crate) fn key(group: &GroupSums) -> String {
    group.key.texts().join(KEY_SEPARATOR)
}

fn read_key(text: &str) -> Result<GroupKey, &'static str> {
    let texts: Vec<_> = text.split(KEY_SEPARATOR).map(String::from).collect();
    let texts = <[String; 3]>::try_from(texts).map_err(|_| FOREIGN_TOKEN)?;
    // Nothing that a database could stumble over.
    if texts.iter().any(|text| check_optional(text).is_err()) {
        return Err(FOREIGN_TOKEN);
    }
    GroupKey::from_texts(texts).map_err(|_| FOREIGN_TOKEN)
}

/// Sums as they are sent.
#[must_use]
pub(crate) fn row(group: &GroupSums) -> v1::UsageBreakdownRow {
    let [day, model, user_id] = group.key.texts();
    let sums = &group.sums;
    v1::UsageBreakdownRow {
        day,
        model,
        user_id,
        record_count: sums.records,
        prompt_tokens: sums.tokens.prompt,
        completion_tokens: sums.tokens.completion,
        total_tokens: sums.tokens.total(),
        cost_usd: amount(sums.cost_usd),
        discount_amount: amount(sums.discount_amount),
        final_cost: amount(sums.final_cost),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(["", "", ""])]
    #[case(["2024-11-01", "openai/gpt-4", "alice"])]
    #[case(["", "", "a b"])]
    fn a_page_goes_on_where_the_last_one_ended(#[case] texts: [&str; 3]) {
        let key = GroupKey::from_texts(texts.map(String::from)).unwrap();
        assert_eq!(read_key(&key.texts().join(KEY_SEPARATOR)), Ok(key));
    }

    #[rstest]
    fn no_other_key_reaches_the_database(
        #[values(
            "",
            "a",
            "\n",
            "\n\n\n",
            "x\n\n",
            "\na\0b\n",
            "\n \n",
            "2024-11-01\n\n\t"
        )]
        text: &str,
    ) {
        assert!(read_key(text).is_err());
    }

    #[test]
    fn values_are_grouped_by_once_and_in_any_order() {
        let mut violations = Violations::default();
        let sent = [v1::UsageGrouping::User, v1::UsageGrouping::Day];
        let sent = [sent[0].into(), sent[1].into(), sent[0].into()];
        let expected = Grouping {
            by_day: true,
            by_user: true,
            by_model: false,
        };
        assert_eq!(grouping(&sent, &mut violations), expected);
        assert!(violations.is_empty());
    }
}
