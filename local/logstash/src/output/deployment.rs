//! Settings of outputs that belong to the deployment or the domain, or are not needed.

use crate::{
    note::{Effect, Notes},
    settings::Settings,
};

const DEPLOYMENT: [&str; 26] = [
    "hosts",
    "host",
    "port",
    "protocol",
    "region",
    "user",
    "password",
    "cloud_id",
    "cloud_auth",
    "api_key",
    "auth_type",
    "aws_access_key_id",
    "aws_secret_access_key",
    "ssl",
    "ssl_enabled",
    "cacert",
    "ssl_certificate_authorities",
    "ssl_certificate_verification",
    "ssl_verification_mode",
    "keystore",
    "keystore_password",
    "truststore",
    "truststore_password",
    "proxy",
    "path",
    "default_server_major_version",
];
const TEMPLATES: [&str; 8] = [
    "template",
    "template_name",
    "template_overwrite",
    "manage_template",
    "template_api",
    "ilm_enabled",
    "ilm_pattern",
    "ilm_policy",
];
const REQUESTS: [&str; 22] = [
    "flush_size",
    "idle_flush_time",
    "bulk_path",
    "http_compression",
    "workers",
    "retry_max_interval",
    "retry_initial_interval",
    "retry_on_conflict",
    "timeout",
    "pool_max",
    "pool_max_per_route",
    "sniffing",
    "sniffing_delay",
    "resurrect_delay",
    "validate_after_inactivity",
    "codec",
    "silence_errors_in_log",
    "failure_type_logging_whitelist",
    "ecs_compatibility",
    "compression_level",
    "max_bulk_bytes",
    "legacy_template",
];

pub(super) fn note(settings: &mut Settings<'_>, notes: &mut Notes) {
    settings.note(&DEPLOYMENT, "endpoint and credentials are parameters of the deployment", notes);
    settings.note(&TEMPLATES, "index templates and policies are the domain's; put yours there", notes);
    settings.note(&["document_type"], "indices have no types any more", notes);
    settings.note(&REQUESTS, "requests, sizes and repetitions adapt to the domain by themselves", notes);
    let routing = "documents have no routing; for the value of a field write `index: { name: …, routing: FIELD }`";
    settings.lose(&["routing"], Effect::Differs, routing, notes);
    settings.lose(&["parent", "join_field"], Effect::Differs, "documents have no routing", notes);
    let update = "documents are created; what is there is not changed";
    settings.lose(&["doc_as_upsert", "upsert", "script", "scripted_upsert"], Effect::Differs, update, notes);
    let version = "documents have no version of their own; the first one stays";
    settings.lose(&["version", "version_type"], Effect::Differs, version, notes);
}
