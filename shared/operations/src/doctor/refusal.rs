//! The source of a refusal and its fix, from the text of a 401 or 403.
//!
//! A request passes three checks in order: the signature, the access policy of Amazon's service, and the fine-grained
//! access control of the engine. Each has its own messages.

use delivery::settings::{Auth, Signing};

/// Texts of refusals by the signature and the access policy, with their fixes.
const WORDS: [(&str, &str); 9] = [
    ("signature expired", "set this machine's clock by NTP: signatures are valid for five minutes"),
    ("not yet current", "set this machine's clock by NTP: signatures are valid for five minutes"),
    ("scoped to a valid region", "name the region of the domain in MILLRACE_DOMAIN_AUTH, as `,region=REGION`"),
    (
        "scoped to correct service",
        "set MILLRACE_DOMAIN_AUTH to sigv4:es for a domain, to sigv4:aoss for a serverless collection",
    ),
    ("token included in the request is expired", "renew the credentials: those of this process have expired"),
    (
        "token included in the request is invalid",
        "give the credentials of an identity that exists: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, with temporary ones, AWS_SESSION_TOKEN belong together",
    ),
    (
        "signature we calculated does not match",
        "correct AWS_SECRET_ACCESS_KEY; a proxy on the way must not change the host or the path",
    ),
    (
        "explicit deny",
        "remove the Deny that names this identity: in the domain's access policy, its own policies, or one of the \
         organization",
    ),
    (
        "not authorized to perform",
        "access policy: allow this identity es:ESHttp* on the domain's ARN/*, in the domain's access policy or in its role's own policy",
    ),
];

/// The fix for a refusal with this text.
pub(super) fn fix(auth: &Auth, status: u16, words: &str) -> String {
    let words = words.to_lowercase();
    if words.contains("user: anonymous") || (*auth == Auth::None && status == 401) {
        return "the domain requires authentication: set MILLRACE_DOMAIN_AUTH to sigv4:es, or to basic:SECRET_ARN or apikey:SECRET_ARN"
            .into();
    }
    if let Some((_, fix)) = WORDS.iter().find(|(response, _)| words.contains(response)) {
        return (*fix).into();
    }
    if let Auth::ApiKey { secret } = auth {
        return match status {
            401 => format!(
                "store a valid API key in the secret {secret}: this one is wrong, has expired, or was invalidated"
            ),
            _ => format!("give the API key in the secret {secret} the privileges of docs/OPERATIONS.md, \"API keys\""),
        };
    }
    if words.contains("no permissions for") || words.contains("is unauthorized for") {
        let (proven, mapped) = match auth {
            Auth::Basic { .. } => {
                ("password", "Map the user to the role millrace_ingest (with MILLRACE_STACK, millrace_ingest_STACK)")
            }
            Auth::SigV4(Signing { role: Some(_), .. }) => {
                let map = "Map the assumed role to all_access, or to roles of your own, in the security plugin";
                return format!("fine-grained access control: the signature is right, and no role allows it. {map}");
            }
            _ => ("signature", "Put its ARN into MILLRACE_INGEST_ROLES"),
        };
        return format!(
            "fine-grained access control: the {proven} is right, and no role of this identity allows it. {mapped}, and run `millrace setup` \
             with the credentials of the domain's master user"
        );
    }
    match (auth, status) {
        (Auth::Basic { secret }, 401) => format!("correct user name and password in the secret {secret}"),
        (Auth::SigV4(Signing { service: "es", .. }), 401) => "the engine takes users with passwords instead of IAM: set MILLRACE_DOMAIN_AUTH=basic:SECRET_ARN, or make an IAM role \
                                     the master user of its fine-grained access control"
            .into(),
        (Auth::SigV4(Signing { service: "aoss", .. }), _) => "name this identity in a data access policy of the collection (aoss:DescribeIndex, aoss:CreateIndex, aoss:WriteDocument), allow it aoss:APIAccessAll, \
                                     and let the network policy admit this network"
            .into(),
        _ => "let the domain's access policy, and its fine-grained access control where it has one, admit this identity".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_is_recognised_by_its_words() {
        let es = Auth::sigv4("es");
        for (auth, status, words, expected) in [
            (
                &es,
                403,
                r#"{"Message":"User: arn:aws:iam::1:role/x is not authorized to perform: es:ESHttpGet because no resource-based policy allows the es:ESHttpGet action"}"#,
                "access policy: allow",
            ),
            (
                &es,
                403,
                r#"{"Message":"User: arn:aws:iam::1:role/x is not authorized to perform: es:ESHttpGet with an explicit deny in a resource-based policy"}"#,
                "remove the Deny",
            ),
            (
                &Auth::None,
                403,
                r#"{"Message":"User: anonymous is not authorized to perform: es:ESHttpGet"}"#,
                "the domain requires authentication",
            ),
            (&es, 403, r#"{"message":"Credential should be scoped to a valid region. "}"#, "name the region"),
            (
                &es,
                403,
                r#"{"message":"Credential should be scoped to correct service: 'es'. "}"#,
                "set MILLRACE_DOMAIN_AUTH",
            ),
            (
                &es,
                403,
                r#"{"message":"Signature expired: 20261126T100000Z is now earlier than 20261126T110000Z"}"#,
                "set this machine's clock",
            ),
            (
                &es,
                403,
                r#"{"message":"The security token included in the request is expired"}"#,
                "renew the credentials",
            ),
            (
                &es,
                403,
                r#"{"message":"The request signature we calculated does not match the signature you provided."}"#,
                "correct AWS_SECRET_ACCESS_KEY",
            ),
            (
                &es,
                403,
                r#"{"error":{"type":"security_exception","reason":"no permissions for [cluster:monitor/main] and User [name=arn:aws:iam::1:role/x]"}}"#,
                "fine-grained access control",
            ),
        ] {
            let response = fix(auth, status, words);
            assert!(response.starts_with(expected), "{words}: {response}");
        }
    }

    #[test]
    fn a_refusal_without_words_is_judged_by_the_authentication() {
        let basic = Auth::Basic { secret: "arn:s".into() };
        let key = Auth::ApiKey { secret: "arn:k".into() };
        let assumed = Auth::SigV4(Signing { service: "es", region: None, role: Some("arn:r".into()) });
        let es = Auth::sigv4("es");
        for (auth, status, words, expected) in [
            (
                &basic,
                403,
                r#"{"error":{"reason":"no permissions for [indices:data/write/bulk] and User [name=x]"}}"#,
                "fine-grained access control: the password is right",
            ),
            (&basic, 401, "Unauthorized", "correct user name and password in the secret arn:s"),
            (
                &basic,
                401,
                r#"{"error":{"reason":"unable to authenticate user [x] for REST request [/]"}}"#,
                "correct user name",
            ),
            (&es, 401, "Unauthorized", "the engine takes users with passwords"),
            (
                &Auth::None,
                401,
                "missing authentication credentials for REST request [/]",
                "the domain requires authentication",
            ),
            (
                &Auth::sigv4("aoss"),
                403,
                r#"{"status":403,"error":{"reason":"403 Forbidden","type":"Forbidden"}}"#,
                "name this identity in a data access policy",
            ),
            (&basic, 403, "?", "let the domain's access policy"),
            (
                &key,
                403,
                "action [cluster:monitor/main] is unauthorized for API key id [x] of user [y], this action is granted by the cluster privileges [monitor,manage,all]",
                "give the API key in the secret arn:k the privileges",
            ),
            (
                &key,
                401,
                "unable to authenticate with provided credentials",
                "store a valid API key in the secret arn:k",
            ),
            (
                &assumed,
                403,
                r#"{"error":{"reason":"no permissions for [indices:data/write/bulk] and User [name=x]"}}"#,
                "fine-grained access control: the signature is right, and no role allows it. Map the assumed role",
            ),
        ] {
            let response = fix(auth, status, words);
            assert!(response.starts_with(expected), "{words}: {response}");
        }
    }
}
