//! Tests that run on the embedded default and as a fleet.

/// Runs each test in both modes, as `<name>::embedded` and `<name>::fleet`. A test says what it is given: a `TestApp`, which
/// has a worker beside the API; the mode alone, as `mode: Mode`; or anything with `async fn start(Mode) -> Self`.
#[macro_export]
macro_rules! both_modes {
    ($($(#[$meta:meta])* async fn $name:ident($given:ident: TestApp) $body:block)*) => {
        $crate::both_modes! { @ $crate::TestApp, $crate::TestApp::start;
            $($(#[$meta])* $name $given $body)* }
    };
    ($($(#[$meta:meta])* async fn $name:ident($given:ident: Mode) $body:block)*) => {
        $crate::both_modes! { @ $crate::Mode, std::future::ready; $($(#[$meta])* $name $given $body)* }
    };
    ($($(#[$meta:meta])* async fn $name:ident($given:ident: $type:ident) $body:block)*) => {$(
        $crate::both_modes! { @ $type, $type::start; $(#[$meta])* $name $given $body }
    )*};
    (@ $type:ty, $start:expr; $($(#[$meta:meta])* $name:ident $given:ident $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports, reason = "not every test needs everything around it")]
            use super::*;

            $(#[$meta])*
            async fn story($given: $type) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn embedded() {
                story($start($crate::Mode::Embedded).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn fleet() {
                story($start($crate::Mode::Fleet).await).await;
            }
        }
    )*};
}
