//! What is deployed: the template, the function as SAM builds it, and both under what AWS and SAM make of them.
//!
//! In: template.yaml, events/s3. What is needed (SAM, an engine for containers) is installed by scripts/; where it
//! can't be had, that is said. Deliberately absent: AWS itself, and the behaviour of the function in detail (`wire`).

mod cloud {
    mod deployed;
    mod sam;
    mod template;
}
