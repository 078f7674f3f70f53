//! Bought tokens, purchase by purchase. Usage counts only the balance; that the oldest purchase is
//! used first says what is left of each, so what is left is left of the newest.

use super::{Transaction, TransactionStatus, exact, refund::refund_refusal};
use crate::{
    ids::TransactionId,
    money::{Money, NumberError},
    refusal::{RefundRefusal, Refusal},
};

/// Tokens that a top-up has bought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    /// The top-up.
    pub id: TransactionId,
    /// The top-up's status.
    pub status: TransactionStatus,
    /// What was paid for them, in USD and whole cents.
    pub amount: Money,
    /// What of it has been or is being given back, in USD: the sum of its refunds that have not
    /// failed.
    pub refunded: Money,
    /// How many were bought.
    pub bought: i64,
    /// How many were taken back by refunds and lost disputes.
    pub taken_back: i64,
    /// How many nobody can use while their payment is disputed.
    pub frozen: i64,
    /// How many should have been taken back but were used.
    pub shortfall: i64,
}

/// Tokens of a purchase that can no longer be used, or not now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokensGone {
    /// How many were taken back by refunds and lost disputes.
    pub taken_back: i64,
    /// How many nobody can use while their payment is disputed.
    pub frozen: i64,
    /// How many should have been taken back but were used.
    pub shortfall: i64,
}

impl Purchase {
    /// What a top-up has bought.
    #[must_use]
    pub fn of(topup: &Transaction) -> Self {
        Self {
            id: topup.id,
            status: topup.status,
            amount: topup.amount,
            refunded: topup.refunded_amount,
            bought: topup.tokens,
            taken_back: topup.tokens_gone.taken_back,
            frozen: topup.tokens_gone.frozen,
            shortfall: topup.tokens_gone.shortfall,
        }
    }

    /// What of it can no longer be used, or not now.
    #[must_use]
    pub const fn gone(&self) -> TokensGone {
        TokensGone {
            taken_back: self.taken_back,
            frozen: self.frozen,
            shortfall: self.shortfall,
        }
    }
}

/// What was taken back, or given again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenBack {
    /// What is given back for them, in USD and whole cents.
    pub amount: Money,
    /// The tokens that were taken.
    pub tokens: i64,
    /// The tokens that could not be taken, because they were used.
    pub shortfall: i64,
}

/// A user's topped-up balance and the purchases that it stems from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchases {
    balance: i64,
    purchases: Vec<Purchase>,
}

impl Purchase {
    /// What could be left of it if nothing was used.
    fn capacity(&self) -> i64 {
        let gone = self.taken_back.saturating_add(self.shortfall);
        let kept = self.bought.saturating_sub(gone);
        kept.saturating_sub(self.frozen).max(0)
    }

    /// The tokens that a part of its price has bought, where a part of one counts as one.
    fn tokens_of(&self, amount: Money) -> Result<i64, NumberError> {
        exact::ceil_count(self.bought, amount.min(self.amount), self.amount)
    }

    /// What is given back when all of `unused` are: of a purchase of which nothing was used all
    /// that is left of its price, else their part of it, cut off after the cent.
    fn worth(&self, unused: i64) -> Result<Money, NumberError> {
        let left = self.amount.minus(self.refunded)?.max(Money::ZERO);
        let is_untouched = self.bought.saturating_sub(self.taken_back) == unused;
        if is_untouched {
            return Ok(left);
        }
        Ok(exact::floor_share(self.amount, unused, self.bought)?.min(left))
    }
}

impl Purchases {
    /// The topped-up tokens that a user can use, and all purchases, oldest first.
    #[must_use]
    pub fn new(balance: i64, purchases: Vec<Purchase>) -> Self {
        Self {
            balance: balance.max(0),
            purchases,
        }
    }

    /// The topped-up tokens that the user can use.
    #[must_use]
    pub const fn balance(&self) -> i64 {
        self.balance
    }

    /// The purchases, oldest first.
    #[must_use]
    pub fn list(&self) -> &[Purchase] {
        &self.purchases
    }

    /// What is unused of a purchase; 0 of an unknown one.
    #[must_use]
    pub fn unused(&self, id: TransactionId) -> i64 {
        let mut left = self.balance;
        for purchase in self.purchases.iter().rev() {
            let unused = purchase.capacity().min(left);
            if purchase.id == id {
                return unused;
            }
            left = left.saturating_sub(unused);
        }
        0
    }

    /// What all unused tokens have cost, in USD and whole cents: what could be given back for them.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when it does not fit.
    pub fn worth(&self) -> Result<Money, NumberError> {
        let mut left = self.balance;
        let mut worth = Money::ZERO;
        for purchase in self.purchases.iter().rev() {
            let unused = purchase.capacity().min(left);
            left = left.saturating_sub(unused);
            if unused > 0 {
                worth = worth.plus(purchase.worth(unused)?)?;
            }
        }
        Ok(worth)
    }

    /// Adds the newest purchase.
    pub fn add(&mut self, purchase: Purchase) {
        self.balance = self.balance.saturating_add(purchase.capacity());
        self.purchases.push(purchase);
    }

    /// What can be given back of a purchase, in USD.
    ///
    /// # Errors
    /// [`Refusal::PaymentNotRefundable`] when that is nothing.
    pub fn refundable(&self, id: TransactionId) -> Result<Money, Refusal> {
        let refused = |reason| Refusal::PaymentNotRefundable { id, reason };
        let Some(purchase) = self.purchases.iter().find(|purchase| purchase.id == id) else {
            return Err(Refusal::TransactionNotFound(id.to_string()));
        };
        if let Some(reason) = refund_refusal(purchase.status) {
            return Err(refused(reason));
        }
        if purchase.refunded >= purchase.amount {
            return Err(refused(RefundRefusal::AlreadyRefunded));
        }
        let worth = purchase.worth(self.unused(id))?;
        if worth > Money::ZERO {
            Ok(worth)
        } else {
            Err(refused(RefundRefusal::NothingUnused))
        }
    }

    /// Takes back the tokens of a refund to be made, of an amount in USD, above 0, or of all that
    /// can be given back.
    ///
    /// # Errors
    /// [`Refusal::PaymentNotRefundable`] when less or nothing can be given back.
    pub fn refund(
        &mut self,
        id: TransactionId,
        amount: Option<Money>,
    ) -> Result<TakenBack, Refusal> {
        let worth = self.refundable(id)?;
        let amount = amount.unwrap_or(worth);
        if amount > worth {
            let reason = RefundRefusal::MoreThanLeft(worth);
            return Err(Refusal::PaymentNotRefundable { id, reason });
        }
        let unused = self.unused(id);
        self.take(id, |purchase| {
            // Whoever takes all back keeps no tokens that the cut-off cent left over.
            let tokens = if amount == worth {
                unused
            } else {
                purchase.tokens_of(amount)?.min(unused)
            };
            purchase.refunded = purchase.refunded.plus(amount)?;
            Ok((amount, tokens, tokens))
        })
    }

    /// Takes back the tokens of a refund that somebody has made at the provider's own site,
    /// whatever is left of them.
    ///
    /// # Errors
    /// [`Refusal::TransactionNotFound`], or when an amount does not fit.
    pub fn refund_made(&mut self, id: TransactionId, amount: Money) -> Result<TakenBack, Refusal> {
        let unused = self.unused(id);
        self.take(id, |purchase| {
            purchase.refunded = purchase.refunded.plus(amount)?;
            let tokens = purchase.tokens_of(amount)?.min(purchase.capacity());
            Ok((amount, tokens, tokens.min(unused)))
        })
    }

    /// Undoes a refund that has failed: its tokens can be used again.
    ///
    /// # Errors
    /// [`Refusal::TransactionNotFound`], or when an amount does not fit.
    pub fn refund_failed(&mut self, id: TransactionId, taken: &TakenBack) -> Result<(), Refusal> {
        let purchase = self.purchase(id)?;
        purchase.refunded = purchase.refunded.minus(taken.amount)?.max(Money::ZERO);
        purchase.shortfall = purchase.shortfall.saturating_sub(taken.shortfall).max(0);
        let tokens = taken.tokens.min(purchase.taken_back);
        purchase.taken_back = purchase.taken_back.saturating_sub(tokens);
        self.balance = self.balance.saturating_add(tokens);
        Ok(())
    }

    /// Freezes what is unused of a purchase, as far as an amount in USD of it is disputed. Answers
    /// how many tokens.
    ///
    /// # Errors
    /// [`Refusal::TransactionNotFound`], or when an amount does not fit.
    pub fn freeze(&mut self, id: TransactionId, disputed: Money) -> Result<i64, Refusal> {
        let unused = self.unused(id);
        let purchase = self.purchase(id)?;
        purchase.status = TransactionStatus::Disputed;
        let wanted = purchase.tokens_of(disputed)?;
        let more = wanted.saturating_sub(purchase.frozen).clamp(0, unused);
        purchase.frozen = purchase.frozen.saturating_add(more);
        self.balance = self.balance.saturating_sub(more);
        Ok(more)
    }

    /// Gives frozen tokens back after a dispute is won; the purchase stands at `status` now.
    /// Answers how many tokens.
    ///
    /// # Errors
    /// [`Refusal::TransactionNotFound`].
    pub fn unfreeze(
        &mut self,
        id: TransactionId,
        status: TransactionStatus,
    ) -> Result<i64, Refusal> {
        let purchase = self.purchase(id)?;
        purchase.status = status;
        let tokens = std::mem::take(&mut purchase.frozen);
        self.balance = self.balance.saturating_add(tokens);
        Ok(tokens)
    }

    /// Takes the tokens of a lost dispute over an amount in USD: the frozen ones, and what is
    /// unused beside them. What was frozen beyond that is given back.
    ///
    /// # Errors
    /// [`Refusal::TransactionNotFound`], or when an amount does not fit.
    pub fn charge_back(
        &mut self,
        id: TransactionId,
        disputed: Money,
    ) -> Result<TakenBack, Refusal> {
        self.unfreeze(id, TransactionStatus::ChargedBack)?;
        let unused = self.unused(id);
        self.take(id, |purchase| {
            let tokens = purchase.tokens_of(disputed)?.min(purchase.capacity());
            Ok((Money::ZERO, tokens, tokens.min(unused)))
        })
    }

    /// Takes tokens of a purchase: `decide` answers what is given back for them, how many are to be
    /// taken, and how many of these there are.
    fn take(
        &mut self,
        id: TransactionId,
        decide: impl FnOnce(&mut Purchase) -> Result<(Money, i64, i64), NumberError>,
    ) -> Result<TakenBack, Refusal> {
        let purchase = self.purchase(id)?;
        let (amount, wanted, tokens) = decide(purchase)?;
        let shortfall = wanted.saturating_sub(tokens);
        purchase.taken_back = purchase.taken_back.saturating_add(tokens);
        purchase.shortfall = purchase.shortfall.saturating_add(shortfall);
        self.balance = self.balance.saturating_sub(tokens);
        Ok(TakenBack {
            amount,
            tokens,
            shortfall,
        })
    }

    fn purchase(&mut self, id: TransactionId) -> Result<&mut Purchase, Refusal> {
        let mut purchases = self.purchases.iter_mut();
        let found = purchases.find(|purchase| purchase.id == id);
        found.ok_or_else(|| Refusal::TransactionNotFound(id.to_string()))
    }
}

#[cfg(test)]
mod tests;
