//! Metrics: their names, their buckets, and their text.

use metrics::{counter, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::TelemetryError;

/// Upper bounds of the buckets of everything that ends in `_seconds`, in seconds: from 1 ms to 30 s, and
/// finer below 50 ms, where most requests are answered.
const SECONDS: [f64; 18] = [
    0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    30.0,
];

/// The metrics of this process.
#[derive(Clone)]
pub struct MetricsHandle(PrometheusHandle);

impl MetricsHandle {
    /// All metrics in the text format of Prometheus, version 0.0.4.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Sorts recorded durations into their buckets. To be called every few seconds: between two calls
    /// each duration takes a few bytes of memory.
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }
}

/// Starts the metrics of this process: what the `metrics` macros record is kept from now on.
///
/// # Errors
/// [`TelemetryError::AlreadyInstalled`] when called twice; [`TelemetryError::Exporter`].
pub fn install_metrics() -> Result<MetricsHandle, TelemetryError> {
    let recorder = recorder()?;
    let handle = MetricsHandle(recorder.handle());
    metrics::set_global_recorder(recorder).map_err(|_| TelemetryError::AlreadyInstalled("metrics"))?;
    describe();
    Ok(handle)
}

fn recorder() -> Result<PrometheusRecorder, TelemetryError> {
    let seconds = Matcher::Suffix("_seconds".to_owned());
    Ok(PrometheusBuilder::new().set_buckets_for_metric(seconds, &SECONDS)?.build_recorder())
}

/// Every metric that certmill records.
fn describe() {
    describe_counter!("certmill_http_requests_total", "Requests answered, by method, route and status");
    describe_histogram!("certmill_http_request_seconds", "Time from a request to its answer, by route");
    describe_counter!("certmill_jobs_total", "Runs of jobs, by kind and outcome");
    describe_histogram!("certmill_job_seconds", "Time that a run of a job took, by kind");
    describe_gauge!("certmill_jobs", "Jobs in the table, by kind and state");
    describe_counter!(
        "certmill_job_leases_ended_total",
        "Jobs whose worker died or stalled, by what became of them"
    );
    describe_gauge!(
        "certmill_job_oldest_due_seconds",
        "How long the longest waiting due job is due, by lane"
    );
    describe_gauge!("certmill_jobs_of_unknown_kind", "Open jobs of kinds that only a newer version knows");
    describe_gauge!(
        "certmill_schedule_last_turn_seconds",
        "Time since periodic work was last begun, by kind"
    );
    describe_counter!("certmill_sweep_finds_total", "Work that was due and had no job, by kind");
    describe_gauge!(
        "certmill_clock_difference_seconds",
        "By how much this process's clock is ahead of the database's"
    );
    describe_counter!("certmill_acme_orders_total", "ACME orders placed, by cause");
    describe_counter!("certmill_acme_orders_ended_total", "ACME orders ended, by state");
    describe_counter!("certmill_certificates_imported_total", "Certificates imported");
    describe_counter!("certmill_certificates_issued_total", "Certificates issued, by source");
    describe_counter!("certmill_certificates_revoked_total", "Certificates revoked");
    describe_counter!("certmill_forgotten_total", "Things forgotten because their time was over, by kind");
    describe_counter!("certmill_crls_built_total", "Certificate revocation lists built");
    describe_counter!(
        "certmill_publications_total",
        "Tries to bring a CRL to a folder or an object store, by target and outcome"
    );
    describe_gauge!(
        "certmill_publications_behind",
        "CRLs that are not in the folder or the object store as they should be, by target"
    );
    describe_gauge!(
        "certmill_publication_behind_seconds",
        "Since when the first of these is not, by target; 0 when all are"
    );
    describe_counter!("certmill_ocsp_answers_signed_total", "OCSP answers signed; others are used again");
    describe_gauge!("certmill_database_connections", "Connections of this process to the database, by state");
    describe_gauge!("certmill_rsa_key_pool", "RSA keys kept ready in this process, by bits");
    describe_counter!("certmill_rate_limited_total", "Calls refused by a rate limit, by category");
    describe_counter!(
        "certmill_rate_limit_fallbacks_total",
        "Calls counted in this process alone because Redis did not answer"
    );
    describe_counter!("certmill_audit_rows_suppressed_total", "Refused calls counted instead of recorded");
    describe_gauge!("certmill_connections", "Open connections of clients, by listener");
    describe_counter!("certmill_connections_refused_total", "Connections closed because there were too many");
    describe_gauge!("certmill_ca_not_after_timestamp_seconds", "When a CA's certificate ends");
    describe_gauge!("certmill_crl_this_update_timestamp_seconds", "When a CA's present CRL was made");
    describe_gauge!("certmill_crl_next_update_timestamp_seconds", "Until when a CA's present CRL counts");
    describe_gauge!(
        "certmill_delta_crl_this_update_timestamp_seconds",
        "When a CA's oldest delta CRL was made"
    );
    describe_gauge!(
        "certmill_delta_crl_next_update_timestamp_seconds",
        "Until when the first of a CA's delta CRLs counts"
    );
    describe_gauge!(
        "certmill_certificates_expiring",
        "Certificates in the last third of their time that were not renewed, by source and time left"
    );
    describe_gauge!(
        "certmill_certificate_soonest_not_after_timestamp_seconds",
        "When the first of these certificates ends, by source"
    );
    describe_gauge!("certmill_acme_renewals_failing", "Renewals at ACME servers whose last try failed");
    describe_gauge!("certmill_acme_renewals_overdue", "Renewals at ACME servers that are late by a day");
    describe_gauge!("certmill_acme_orders_open", "Open ACME orders, by state");
    describe_gauge!("certmill_tokens_expiring", "Tokens that end soon, by time left");
    describe_counter!("certmill_refused_calls_total", "Calls answered with an error, by its code");
    describe_counter!("certmill_webhook_deliveries_total", "Events sent to webhooks, by outcome");
    describe_counter!("certmill_notices_total", "Mails to owners, by outcome");
    describe_gauge!("certmill_endpoints", "Endpoints of certificates, by what was found there");
    describe_gauge!(
        "certmill_renewals_not_deployed",
        "Renewed certificates that an endpoint does not serve although their time for that is over"
    );
    describe_counter!("certmill_endpoint_checks_total", "Looks at endpoints, by what was found");
    describe_gauge!("certmill_build_info", "1, with the version as a label");
    metrics::gauge!("certmill_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    // Without labels there is one series each, which starts at 0 so that its first rise can be seen.
    counter!("certmill_certificates_revoked_total").increment(0);
    counter!("certmill_crls_built_total").increment(0);
    counter!("certmill_rate_limit_fallbacks_total").increment(0);
    counter!("certmill_audit_rows_suppressed_total").increment(0);
}

#[cfg(test)]
mod tests {
    use metrics::{gauge, histogram};

    use super::*;

    #[test]
    fn durations_are_counted_in_fixed_buckets() {
        let recorder = recorder().unwrap();
        let handle = MetricsHandle(recorder.handle());
        metrics::with_local_recorder(&recorder, || {
            describe();
            for seconds in [0.0004, 0.004, 0.04, 31.0] {
                histogram!("certmill_http_request_seconds", "route" => "/v1/pki/ca").record(seconds);
            }
            gauge!("certmill_jobs", "kind" => "crl", "state" => "dead").set(2.0);
        });
        handle.upkeep();
        let text = handle.render();
        for line in [
            "# TYPE certmill_http_request_seconds histogram",
            "# HELP certmill_http_request_seconds Time from a request to its answer, by route",
            "certmill_http_request_seconds_bucket{route=\"/v1/pki/ca\",le=\"0.001\"} 1",
            "certmill_http_request_seconds_bucket{route=\"/v1/pki/ca\",le=\"0.005\"} 2",
            "certmill_http_request_seconds_bucket{route=\"/v1/pki/ca\",le=\"0.05\"} 3",
            "certmill_http_request_seconds_bucket{route=\"/v1/pki/ca\",le=\"30\"} 3",
            "certmill_http_request_seconds_bucket{route=\"/v1/pki/ca\",le=\"+Inf\"} 4",
            "certmill_http_request_seconds_count{route=\"/v1/pki/ca\"} 4",
            "certmill_jobs{kind=\"crl\",state=\"dead\"} 2",
            "certmill_crls_built_total 0",
            "certmill_certificates_revoked_total 0",
        ] {
            assert!(text.lines().any(|given| given == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn a_process_has_its_metrics_once() {
        let handle = install_metrics().unwrap();
        counter!("certmill_jobs_total", "kind" => "crl", "outcome" => "done").increment(3);
        assert!(handle.clone().render().contains("certmill_jobs_total{kind=\"crl\",outcome=\"done\"} 3"));
        assert!(matches!(install_metrics(), Err(TelemetryError::AlreadyInstalled("metrics"))));
    }
}
