//! Query parameters.

use poem::http::StatusCode;
use tests::both_modes;

use crate::openapi::{OPEN, operations};

both_modes! {
    /// A filter with a typing error is refused, rather than answered with everything.
    async fn unknown_and_repeated_query_parameters_are_refused(app: TestApp) {
        let mut tried = 0;
        for operation in operations().iter().filter(|operation| !OPEN.contains(&operation.path.as_str())) {
            let path = operation.path.split('/').map(|part| if part.starts_with('{') { "x" } else { part });
            let path = path.collect::<Vec<_>>().join("/");
            let (name, method) = (operation.name(), operation.method.clone());
            let anonymous = app.send(method.clone(), &format!("{path}?statuss=1"), None, &[], None).await;
            assert_eq!(anonymous.status, StatusCode::UNAUTHORIZED, "{name}");
            let wrong = format!("{path}?statuss=1&limit=1&limit=2");
            let answer = app.send(method, &wrong, Some(&app.admin), &[], None).await;
            let error = answer.json_with(StatusCode::UNPROCESSABLE_ENTITY);
            let fields = &error["error"]["details"]["fields"];
            assert!(fields["statuss"].as_str().unwrap().starts_with("unknown query parameter"), "{name}: {error}");
            if operation.parameters("query").contains("limit") {
                assert_eq!(fields["limit"], "stands twice: give one value", "{name}");
            }
            tried += 1;
        }
        assert!(tried > 50, "only {tried} operations");
    }
}
