//! The evaluator of policies, checked against the examples of AWS's documentation.

use serde_json::{Value, json};
use tests::policy::{Request, decide};

/// Whether a condition allows a request with this context.
fn allows(condition: &Value, context: &[(&str, &[&str])]) -> bool {
    let statement = json!({ "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition });
    let request =
        context.iter().fold(Request::new("ec2:CreateTags", "*"), |request, (key, values)| request.with(key, values));
    decide([&json!({ "Statement": [statement] })], &request).is_allowed()
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>
#[test]
fn nothing_is_allowed_by_default_and_one_deny_wins() {
    let allow = json!({ "Statement": { "Effect": "Allow", "Action": "s3:*", "Resource": "*" } });
    let deny =
        json!({ "Statement": { "Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::kept/*" } });
    let asks = |action: &str, resource: &str| decide([&deny, &allow], &Request::new(action, resource)).is_allowed();
    assert!(asks("s3:GetObject", "arn:aws:s3:::kept/a"));
    assert!(asks("s3:DeleteObject", "arn:aws:s3:::other/a"));
    assert!(!asks("s3:DeleteObject", "arn:aws:s3:::kept/a"));
    assert!(!asks("sqs:SendMessage", "*"));
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html>:
/// all keys must match, one value of a key is enough.
#[test]
fn keys_are_joined_by_and_and_values_by_or() {
    let condition = json!({
        "StringEquals": { "aws:PrincipalTag/department": ["finance", "hr", "legal"], "aws:PrincipalTag/role": ["audit", "security"] },
        "ArnLike": { "aws:PrincipalArn": ["arn:aws:iam::222222222222:user/Ana", "arn:aws:iam::222222222222:user/Mary"] },
    });
    let who = |department: &str, role: &str, arn: &str| {
        let context: [(&str, &[&str]); 3] = [
            ("aws:PrincipalTag/department", &[department]),
            ("aws:PrincipalTag/role", &[role]),
            ("aws:PrincipalArn", &[arn]),
        ];
        allows(&condition, &context)
    };
    assert!(who("finance", "audit", "arn:aws:iam::222222222222:user/Mary"));
    assert!(!who("finance", "pm", "arn:aws:iam::222222222222:user/Mary"));
    assert!(!who("hr", "audit", "arn:aws:iam::222222222222:user/Nikki"));
    assert!(!allows(&condition, &[("aws:PrincipalTag/department", &["hr"]), ("aws:PrincipalTag/role", &["audit"])]));
}

/// The same page: with a negated operator, the value must equal none of the listed values.
#[test]
fn values_of_a_negated_operator_are_joined_by_nor() {
    let condition = json!({ "StringNotEquals": { "aws:PrincipalTag/department": ["hr", "legal"] } });
    assert!(allows(&condition, &[("aws:PrincipalTag/department", &["finance"])]));
    assert!(!allows(&condition, &[("aws:PrincipalTag/department", &["legal"])]));
    // A missing key is equal to nothing.
    assert!(allows(&condition, &[]));
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html>
#[test]
fn all_of_several_values_must_be_listed_or_any_of_them() {
    let all = json!({ "ForAllValues:StringEquals": { "aws:TagKeys": ["environment", "cost-center"] } });
    assert!(allows(&all, &[("aws:TagKeys", &["environment"])]));
    assert!(allows(&all, &[("aws:TagKeys", &["cost-center", "environment"])]));
    assert!(!allows(&all, &[("aws:TagKeys", &["environment", "dept"])]));
    assert!(allows(&all, &[]), "it holds where there is none: the page warns of it");
    let some = json!({
        "ForAllValues:StringEquals": { "aws:TagKeys": ["environment", "cost-center"] }, "Null": { "aws:TagKeys": "false" },
    });
    assert!(!allows(&some, &[]));
    assert!(allows(&some, &[("aws:TagKeys", &["environment"])]));

    let any = json!({ "ForAnyValue:StringEquals": { "aws:TagKeys": ["environment", "cost-center"] } });
    assert!(allows(&any, &[("aws:TagKeys", &["environment", "dept"])]));
    assert!(!allows(&any, &[("aws:TagKeys", &["dept"])]));
    assert!(!allows(&any, &[]));
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_IfExists>
#[test]
fn a_key_may_be_missing_where_the_operator_says_so() {
    let required = json!({ "StringLike": { "ec2:InstanceType": ["t1.*", "t2.*", "m3.*"] } });
    let optional = json!({ "StringLikeIfExists": { "ec2:InstanceType": ["t1.*", "t2.*", "m3.*"] } });
    for condition in [&required, &optional] {
        assert!(allows(condition, &[("ec2:InstanceType", &["t2.micro"])]));
        assert!(!allows(condition, &[("ec2:InstanceType", &["c5.large"])]));
    }
    assert!(allows(&optional, &[]));
    assert!(!allows(&required, &[]));
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_Null>
#[test]
fn null_asks_whether_a_key_is_there() {
    let absent = json!({ "Null": { "aws:TokenIssueTime": "true" } });
    assert!(allows(&absent, &[]));
    assert!(!allows(&absent, &[("aws:TokenIssueTime", &["2026-11-29T00:00:00Z"])]));
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_aws_deny-requested-mfa.html> and
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notaction.html>
#[test]
fn everything_but_what_is_named_is_denied_without_a_second_factor() {
    let document = json!({ "Statement": [
        { "Effect": "Allow", "Action": "*", "Resource": "*" },
        {
            "Effect": "Deny", "NotAction": ["iam:CreateVirtualMFADevice", "sts:GetSessionToken"], "Resource": "*",
            "Condition": { "BoolIfExists": { "aws:MultiFactorAuthPresent": "false" } },
        },
    ] });
    let asks = |action: &str, factor: Option<&str>| {
        let request = Request::new(action, "*");
        let request = match factor {
            Some(factor) => request.with("aws:MultiFactorAuthPresent", &[factor]),
            None => request,
        };
        decide([&document], &request).is_allowed()
    };
    assert!(asks("s3:ListAllMyBuckets", Some("true")));
    assert!(!asks("s3:ListAllMyBuckets", Some("false")));
    assert!(!asks("s3:ListAllMyBuckets", None), "IfExists in a Deny denies where the key is missing");
    assert!(asks("sts:GetSessionToken", Some("false")));
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN>: each of
/// the parts between colons is compared separately.
#[test]
fn a_wildcard_in_a_condition_of_arns_stays_within_its_part() {
    let condition = json!({ "ArnLike": { "aws:SourceArn": "arn:aws:sns:*:123456789012:alarm-*" } });
    let comes_from = |arn: &str| allows(&condition, &[("aws:SourceArn", &[arn])]);
    assert!(comes_from("arn:aws:sns:eu-west-1:123456789012:alarm-1"));
    assert!(!comes_from("arn:aws:sns:eu-west-1:999999999999:123456789012:alarm-1"));
    assert!(!comes_from("arn:aws:sns:eu-west-1:123456789012:other"));
    assert!(!comes_from("alarm-1"));
    // In a text, and in a resource, it also matches across parts.
    let text = json!({ "StringLike": { "aws:SourceArn": "arn:aws:sns:*:alarm-1" } });
    assert!(allows(&text, &[("aws:SourceArn", &["arn:aws:sns:eu-west-1:123456789012:alarm-1"])]));
    assert!(
        !allows(&text, &[("aws:SourceArn", &["arn:aws:sns:eu-west-1:123456789012:Alarm-1"])]),
        "it heeds upper case"
    );
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html> and
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html>
#[test]
fn actions_and_names_of_keys_are_compared_without_case_and_values_with_it() {
    let document = json!({ "Statement": {
        "Effect": "Allow", "Action": ["sqs:send*", "SQS:ReceiveMessag?"], "Resource": "arn:aws:sqs:*:*:own",
        "Condition": { "StringEquals": { "aws:sourceaccount": "123456789012" } },
    } });
    let asks = |action: &str, resource: &str| {
        decide([&document], &Request::new(action, resource).with("aws:SourceAccount", &["123456789012"])).is_allowed()
    };
    assert!(asks("sqs:SendMessage", "arn:aws:sqs:eu-west-1:1:own"));
    assert!(asks("sqs:ReceiveMessage", "arn:aws:sqs:eu-west-1:1:own"));
    assert!(!asks("sqs:ReceiveMessages", "arn:aws:sqs:eu-west-1:1:own"));
    assert!(!asks("sqs:SendMessage", "arn:aws:sqs:eu-west-1:1:Own"));
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>
#[test]
fn a_policy_of_a_resource_names_who_may_use_it() {
    let document = json!({ "Statement": {
        "Effect": "Allow", "Principal": { "Service": ["s3.amazonaws.com", "sns.amazonaws.com"], "AWS": "arn:aws:iam::1:role/own" },
        "Action": "sqs:SendMessage", "Resource": "*",
    } });
    let asks = |who: &str| decide([&document], &Request::new("sqs:SendMessage", "*").by(who)).is_allowed();
    assert!(asks("sns.amazonaws.com") && asks("arn:aws:iam::1:role/own"));
    assert!(!asks("ec2.amazonaws.com") && !asks("arn:aws:iam::1:role/other"));
    assert!(!decide([&document], &Request::new("sqs:SendMessage", "*")).is_allowed());
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_Numeric>
#[test]
fn numbers_are_compared_as_numbers() {
    let condition = json!({ "NumericLessThanEquals": { "s3:max-keys": "10" } });
    assert!(allows(&condition, &[("s3:max-keys", &["9"])]));
    assert!(allows(&condition, &[("s3:max-keys", &["10"])]));
    assert!(!allows(&condition, &[("s3:max-keys", &["100"])]));
    assert!(!allows(&condition, &[]));
}

#[test]
#[should_panic(expected = "the operator DateLessThan is not understood")]
fn what_is_not_understood_is_no_answer() {
    allows(
        &json!({ "DateLessThan": { "aws:CurrentTime": "2026-11-29T00:00:00Z" } }),
        &[("aws:CurrentTime", &["2026-11-28T00:00:00Z"])],
    );
}
