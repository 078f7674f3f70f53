//! One subscription: its periods, its quota windows, and how it changes and ends.

use billing_proto::v1::{ItemType, SubscriptionStatus};

use super::{
    calendar::{DAY, Micros, months_after},
    money::{Femto, cents_of_share},
    plans::{History, Terms},
};

/// A stretch of time with a quota of its own. Keeps counting when it is over.
#[derive(Debug, Clone)]
pub(super) struct Window {
    pub(super) start: Micros,
    pub(super) end: Micros,
    pub(super) terms: Terms,
    /// The terms before upgrades, and until when they held.
    earlier: Vec<(Micros, Terms)>,
    pub(super) quota: i64,
    /// Tokens taken from the quota.
    pub(super) taken: i64,
    /// All tokens.
    pub(super) used: i64,
}

impl Window {
    fn new(start: Micros, end: Micros, terms: Terms) -> Self {
        Self {
            start,
            end,
            quota: terms.monthly_quota,
            terms,
            earlier: Vec::new(),
            taken: 0,
            used: 0,
        }
    }

    /// The terms that held at a time.
    pub(super) fn terms_at(&self, at: Micros) -> &Terms {
        let mut earlier = self.earlier.iter();
        let held = earlier.find(|(until, _)| at < *until);
        held.map_or(&self.terms, |(_, terms)| terms)
    }

    pub(super) fn remaining(&self) -> i64 {
        (self.quota - self.taken).max(0)
    }
}

/// A fee or a share of one.
#[derive(Debug, Clone)]
pub(super) struct Fee {
    pub(super) at: Micros,
    pub(super) kind: ItemType,
    pub(super) plan: usize,
    /// Whole cents.
    pub(super) amount: Femto,
    /// What it pays for.
    pub(super) period: (Micros, Micros),
}

/// How a subscription begins.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) plan: usize,
    pub(super) yearly: bool,
    pub(super) auto_renew: bool,
    pub(super) trial_days: i64,
    /// In the past; none means now.
    pub(super) start: Option<Micros>,
}

#[derive(Debug, Clone)]
pub(super) struct Subscription {
    pub(super) id: String,
    pub(super) yearly: bool,
    pub(super) auto_renew: bool,
    pub(super) trialing: bool,
    pub(super) period: (Micros, Micros),
    pub(super) windows: Vec<Window>,
    pub(super) next_plan: Option<usize>,
    pub(super) next_yearly: Option<bool>,
    pub(super) cancelled_at: Option<Micros>,
    pub(super) ended: Option<SubscriptionStatus>,
    /// What fell due and is to be invoiced.
    pub(super) fees: Vec<Fee>,
    anchor: Micros,
    /// Months from the anchor to the end of the running window, and of the running period.
    months: (i64, i64),
}

impl Subscription {
    pub(super) fn new(order: &Order, start: Micros, terms: Terms) -> Self {
        let mut new = Self {
            id: String::new(),
            yearly: order.yearly,
            auto_renew: order.auto_renew,
            trialing: order.trial_days > 0,
            period: (start, start + order.trial_days * DAY),
            windows: Vec::new(),
            next_plan: None,
            next_yearly: None,
            cancelled_at: None,
            ended: None,
            fees: Vec::new(),
            anchor: start,
            months: (0, 0),
        };
        if new.trialing {
            new.windows.push(Window::new(start, new.period.1, terms));
        } else {
            new.begin_period(start, terms);
        }
        new
    }

    pub(super) fn window(&self) -> &Window {
        self.windows
            .last()
            .expect("the first window is made at once")
    }

    pub(super) fn window_mut(&mut self) -> &mut Window {
        self.windows
            .last_mut()
            .expect("the first window is made at once")
    }

    pub(super) fn status(&self) -> SubscriptionStatus {
        match (self.ended, self.trialing) {
            (Some(status), _) => status,
            (None, true) => SubscriptionStatus::Trialing,
            (None, false) => SubscriptionStatus::Active,
        }
    }

    fn begin_period(&mut self, start: Micros, terms: Terms) {
        self.yearly = self.next_yearly.take().unwrap_or(self.yearly);
        // Of windows that were monthly all along, the last has ended with the period.
        self.months.1 = self.months.0 + if self.yearly { 12 } else { 1 };
        self.period = (start, months_after(self.anchor, self.months.1));
        self.begin_window(start, terms);
        self.owe(start, ItemType::PlanFee, self.fee());
    }

    /// What the running period costs.
    fn fee(&self) -> Femto {
        let months = match (self.trialing, self.yearly) {
            (true, _) => 0,
            (false, true) => 12,
            (false, false) => 1,
        };
        months * self.window().terms.monthly_price
    }

    fn owe(&mut self, at: Micros, kind: ItemType, amount: Femto) {
        let plan = self.window().terms.plan;
        if amount != 0 {
            self.fees.push(Fee {
                at,
                kind,
                plan,
                amount,
                period: (at, self.period.1),
            });
        }
    }

    /// What the rest of the running period costs by its present terms.
    fn rest(&self, now: Micros) -> Femto {
        let (start, end) = self.period;
        cents_of_share(self.fee(), end - now, end - start)
    }

    fn begin_window(&mut self, start: Micros, terms: Terms) {
        self.months.0 += 1;
        let end = months_after(self.anchor, self.months.0);
        self.windows.push(Window::new(start, end, terms));
    }

    /// Lets windows and periods follow one another until `now`.
    pub(super) fn roll(&mut self, now: Micros, plans: &[History<Terms>]) {
        while self.ended.is_none() && self.window().end <= now {
            let edge = self.window().end;
            if edge < self.period.1 {
                self.begin_window(edge, self.window().terms.clone());
            } else if self.auto_renew {
                if self.trialing {
                    (self.trialing, self.anchor) = (false, edge);
                }
                let plan = self.next_plan.take().unwrap_or(self.window().terms.plan);
                self.begin_period(edge, plans[plan].at(edge).clone());
            } else {
                self.ended = Some(SubscriptionStatus::Expired);
            }
        }
    }

    /// Changes to a plan and a cycle; false when there is nothing to change or the subscription is
    /// ending.
    pub(super) fn change(&mut self, now: Micros, terms: &Terms, yearly: Option<bool>) -> bool {
        let unused = self.rest(now);
        let window = self.window();
        let coming = yearly.or(self.next_yearly);
        let coming = coming.filter(|yearly| *yearly != self.yearly);
        let dearer = terms.monthly_price > window.terms.monthly_price;
        let other = (terms.plan != window.terms.plan).then_some(terms.plan);
        if other.is_some() && dearer && self.trialing {
            self.next_yearly = coming;
            self.end_trial(now, terms);
            return true;
        }
        let no_new_cycle = coming.is_none() || coming == self.next_yearly;
        if !(self.auto_renew || other.is_some() && dearer && no_new_cycle) {
            // What was to come may be taken back, no other change may come.
            let taken_back = (other, coming) == (None, None);
            let had = (self.next_plan, self.next_yearly) != (None, None);
            if taken_back && had {
                (self.next_plan, self.next_yearly) = (None, None);
            }
            return taken_back && had;
        }
        if other.is_none() || !dearer {
            let before = (self.next_plan, self.next_yearly);
            (self.next_plan, self.next_yearly) = (other, coming);
            return before != (other, coming);
        }
        self.next_yearly = coming;
        self.owe(now, ItemType::Proration, -unused);
        let window = self.window_mut();
        let more = i128::from(terms.monthly_quota - window.terms.monthly_quota);
        let remaining = i128::from(window.end - now);
        let share = (more * remaining).div_euclid(i128::from(window.end - window.start));
        window.quota += i64::try_from(share).expect("a share of a quota");
        let before = std::mem::replace(&mut window.terms, terms.clone());
        window.earlier.push((now, before));
        self.next_plan = None;
        self.owe(now, ItemType::Proration, self.rest(now));
        true
    }

    /// The first period begins at once.
    fn end_trial(&mut self, now: Micros, terms: &Terms) {
        (self.trialing, self.anchor, self.months) = (false, now, (0, 0));
        self.next_plan = None;
        let trial = self.window_mut();
        trial.end = now;
        let only_moment = (trial.start == now).then_some((trial.taken, trial.used));
        if only_moment.is_some() {
            self.windows.pop();
        }
        self.begin_period(now, terms.clone());
        if let Some((taken, used)) = only_moment {
            let first = self.window_mut();
            (first.taken, first.used) = (taken, used);
        }
    }

    pub(super) fn cancel_now(&mut self, now: Micros) {
        self.ended = Some(SubscriptionStatus::Cancelled);
        self.period.1 = now;
        self.window_mut().end = now;
        self.cancelled_at = Some(now);
    }
}
