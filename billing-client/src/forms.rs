//! What the calls of a form have in common. Each macro makes a method of the client from a row of
//! the table in `calls`.

/// A method's entry of [`METHODS`].
macro_rules! method {
    (
        $service:ident $method:ident $request:ident $answer:ident ($streams:expr)
        $repeat:ident $reason:expr
    ) => {
        Method {
            name: (
                concat!("billing.v1.", stringify!($service)),
                stringify!($method),
            ),
            path: concat!(
                "/billing.v1.",
                stringify!($service),
                "/",
                stringify!($method)
            ),
            messages: (stringify!($request), stringify!($answer)),
            streams: $streams,
            repeat: Repeat::$repeat,
            reason: $reason,
        }
    };
}

/// One request and one answer.
macro_rules! unary {
    ($(#[$doc:meta])* $name:ident $request:ident $answer:ident $method:expr) => {
        $(#[$doc])*
        pub async fn $name(&self, request: impl Into<v1::$request>) -> Result<v1::$answer, Error> {
            let request: v1::$request = request.into();
            let message = request.encode_to_vec().into();
            self.unary(const { &$method }, message, false).await
        }
    };
}

/// One request, which may carry a request id, and one answer.
macro_rules! identified {
    ($(#[$doc:meta])* $name:ident $request:ident $answer:ident $method:expr) => {
        $(#[$doc])*
        pub async fn $name(&self, request: impl Into<v1::$request>) -> Result<v1::$answer, Error> {
            let request: v1::$request = request.into();
            let message = request.encode_to_vec().into();
            let has_id = !request.request_id.is_empty();
            self.unary(const { &$method }, message, has_id).await
        }
    };
}

/// One request that is sent once, and one answer, however long it takes.
macro_rules! unlimited {
    ($(#[$doc:meta])* $name:ident $request:ident $answer:ident $method:expr) => {
        $(#[$doc])*
        pub async fn $name(&self, request: impl Into<v1::$request>) -> Result<v1::$answer, Error> {
            let request: v1::$request = request.into();
            self.unlimited(const { &$method }, request.encode_to_vec().into()).await
        }
    };
}

/// One request, and answers one after the other.
macro_rules! answers {
    ($(#[$doc:meta])* $name:ident $request:ident $answer:ident $method:expr) => {
        $(#[$doc])*
        pub async fn $name(
            &self,
            request: impl Into<v1::$request>,
        ) -> Result<Answers<v1::$answer>, Error> {
            let request: v1::$request = request.into();
            self.answers(const { &$method }, request.encode_to_vec().into()).await
        }
    };
}

/// A call that is more than its messages and stands in a module of its own.
macro_rules! by_hand {
    ($(#[$doc:meta])* $name:ident $request:ident $answer:ident $method:expr) => {
        $(#[$doc])*
        pub(crate) const $name: &Method = &$method;
    };
}

/// As `by_hand`, with requests and answers one after the other.
macro_rules! stream_by_hand {
    ($($call:tt)*) => { by_hand! { $($call)* } };
}

/// Whether many requests and many answers are sent.
macro_rules! streams {
    (answers) => {
        (false, true)
    };
    (stream_by_hand) => {
        (true, true)
    };
    ($form:ident) => {
        (false, false)
    };
}

macro_rules! methods {
    ($($service:ident {
        $($(#[$doc:meta])* $form:ident $name:ident: $method:ident($request:ident) -> $answer:ident,
            $repeat:ident $($reason:literal)?;)*
    })*) => {
        /// Every method of the API.
        pub static METHODS: &[Method] = &[$($(method!(
            $service $method $request $answer (streams!($form)) $repeat concat!($($reason)?)
        ),)*)*];

        impl BillingClient {
            $($($form! {
                $(#[$doc])*
                ///
                #[doc = concat!(
                    "Repeated by the rule [`Repeat::", stringify!($repeat), "`]",
                    $(": ", $reason,)? "."
                )]
                ///
                /// # Errors
                /// What the service refuses, by its [`Error::reason`], and what keeps it from
                /// answering.
                $name $request $answer method!(
                    $service $method $request $answer (streams!($form)) $repeat concat!($($reason)?)
                )
            })*)*
        }
    };
}
