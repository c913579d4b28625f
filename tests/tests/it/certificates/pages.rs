//! The pages and the two orders of the list.

use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::{TestApp, both_modes};

use super::web;
use crate::ca::{text, with_fields};

async fn page(app: &TestApp, query: &str) -> Value {
    let answer = app.get(&format!("/v1/pki/certificates?{query}")).await;
    with_fields(&answer, StatusCode::OK, &["certificates", "cursor", "has_more"])
}

fn names(page: &Value) -> Vec<&str> {
    let rows = page["certificates"].as_array().unwrap().iter();
    rows.map(|row| text(&row["common_name"]).split('.').next().unwrap()).collect()
}

async fn issue(app: &TestApp, name: &str, ttl: &str) -> Value {
    let body = json!({ "common_name": format!("{name}.example.internal"), "ttl": ttl });
    app.post("/v1/pki/issue/web", body).await.json_with(StatusCode::CREATED)
}

both_modes! {
    async fn pages_stay_stable_while_rows_are_added(app: TestApp) {
        web(&app).await;
        for name in ["a", "b", "c", "d", "e"] {
            issue(&app, name, "1h").await;
        }
        let first = page(&app, "limit=2").await;
        assert_eq!((names(&first), &first["has_more"]), (vec!["e", "d"], &json!(true)));
        issue(&app, "new", "1h").await;
        let second = page(&app, &format!("limit=2&cursor={}", text(&first["cursor"]))).await;
        assert_eq!((names(&second), &second["has_more"]), (vec!["c", "b"], &json!(true)));
        let last = page(&app, &format!("limit=2&cursor={}", text(&second["cursor"]))).await;
        assert_eq!((names(&last), &last["has_more"], &last["cursor"]), (vec!["a"], &json!(false), &Value::Null));
        let exact = page(&app, "limit=6").await;
        assert_eq!((names(&exact).len(), &exact["has_more"], &exact["cursor"]), (6, &json!(false), &Value::Null));
        // The same page again, whatever was added since.
        assert_eq!(page(&app, &format!("limit=2&cursor={}", text(&first["cursor"]))).await, second);
    }

    async fn a_hundred_rows_are_the_default_page(app: TestApp) {
        web(&app).await;
        for round in 0..26 {
            let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| issue(&app, name, "1h"));
            let issued = tokio::join!(a, b, c, d);
            assert!(issued.0["certificate_id"].is_string(), "{round}");
        }
        let first = page(&app, "").await;
        assert_eq!((names(&first).len(), &first["has_more"]), (100, &json!(true)));
        let rest = page(&app, &format!("cursor={}", text(&first["cursor"]))).await;
        assert_eq!((names(&rest).len(), &rest["has_more"]), (4, &json!(false)));
        let ids = |page: &Value| -> Vec<String> {
            page["certificates"].as_array().unwrap().iter().map(|row| text(&row["id"]).to_owned()).collect()
        };
        let all: std::collections::BTreeSet<_> = ids(&first).into_iter().chain(ids(&rest)).collect();
        assert_eq!(all.len(), 104, "no row twice, none left out");
        assert_eq!(names(&page(&app, "limit=1000").await).len(), 104);
    }

    async fn the_soonest_to_end_may_come_first(app: TestApp) {
        web(&app).await;
        for (name, ttl) in [("c", "3h"), ("a", "1h"), ("e", "5h"), ("b", "2h"), ("d", "4h")] {
            issue(&app, name, ttl).await;
        }
        assert_eq!(names(&page(&app, "sort=created_at").await), ["d", "b", "e", "a", "c"]);
        assert_eq!(names(&page(&app, "sort=not_after").await), ["a", "b", "c", "d", "e"]);
        let first = page(&app, "sort=not_after&limit=2").await;
        issue(&app, "z", "30m").await;
        issue(&app, "y", "6h").await;
        let second = page(&app, &format!("sort=not_after&limit=2&cursor={}", text(&first["cursor"]))).await;
        let last = page(&app, &format!("sort=not_after&limit=2&cursor={}", text(&second["cursor"]))).await;
        assert_eq!((names(&first), names(&second), names(&last)), (vec!["a", "b"], vec!["c", "d"], vec!["e", "y"]));
        assert_eq!(last["has_more"], false);
        // Two that end in the same second both come, once.
        let all = async |query: &str| names(&page(&app, query).await).len();
        assert_eq!(all("sort=not_after&expiring_within=90m").await, 2);
        assert_eq!(all("sort=not_after&common_name=e.example&role=web").await, 1);
    }

    async fn rows_of_one_end_are_not_lost_between_pages(app: TestApp) {
        web(&app).await;
        for _ in 0..3 {
            let [a, b, c] = ["a", "b", "c"].map(|name| issue(&app, name, "1h"));
            tokio::join!(a, b, c);
        }
        for sort in ["not_after", "created_at"] {
            let (mut ids, mut query) = (Vec::new(), format!("sort={sort}&limit=2"));
            loop {
                let page = page(&app, &query).await;
                ids.extend(page["certificates"].as_array().unwrap().iter().map(|row| text(&row["id"]).to_owned()));
                let Some(cursor) = page["cursor"].as_str() else { break };
                query = format!("sort={sort}&limit=2&cursor={cursor}");
            }
            assert_eq!(ids.len(), 9, "{sort}");
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), 9, "{sort}: a row came twice");
        }
    }

    async fn a_cursor_of_something_else_is_refused(app: TestApp) {
        web(&app).await;
        for name in ["a", "b"] {
            issue(&app, name, "1h").await;
        }
        let cursor = page(&app, "limit=1").await["cursor"].clone();
        let by_end = page(&app, "limit=1&sort=not_after").await["cursor"].clone();
        for query in [
            "cursor=nonsense".to_owned(), "cursor=".to_owned(), "cursor=%00".to_owned(), "cursor=Y2VydF94".to_owned(),
            format!("cursor={}x", text(&cursor)), format!("cursor={}&sort=not_after", text(&cursor)),
            format!("cursor={}", text(&by_end)),
        ] {
            app.get(&format!("/v1/pki/certificates?{query}")).await.error(400, "invalid_cursor");
        }
        app.get(&format!("/v1/pki/roles?cursor={}", text(&cursor))).await.error(400, "invalid_cursor");
    }
}
