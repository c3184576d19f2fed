//! `routing` and `pipeline` of `index`: parameters of each document that is sent.

use super::reader::{Members, Reader};
use crate::{
    decode::Path,
    route::Router,
    shape::Shape,
    yaml::{Location, Node},
};

const ROUTING_FORM: &str = "give the field whose value decides the shard, such as `routing: customer_id`";
const PIPELINE_FORM: &str = "give the name of an ingest pipeline of the domain, such as `pipeline: geo`";
/// Longer than any name. The engine has no limit, and the name is sent with each event.
const MAX_PIPELINE_BYTES: usize = 255;

/// The parameters of each document.
#[derive(Default)]
pub(super) struct Parameters {
    pub(super) routing: Option<Path>,
    pub(super) pipeline: Option<String>,
}

impl Parameters {
    /// A router that sends them.
    pub(super) fn sent_by(self, router: Router) -> Router {
        router.sending(self.routing, self.pipeline.as_deref())
    }
}

impl Reader<'_> {
    pub(super) fn parameters(&mut self, index: &Members<'_>) -> Option<Parameters> {
        let routing =
            self.optional(index, "routing", None, |reader, node| reader.path(node, "routing", ROUTING_FORM).map(Some));
        let pipeline = self.optional(index, "pipeline", None, |reader, node| reader.pipeline(node).map(Some));
        Some(Parameters { routing: routing?, pipeline: pipeline? })
    }

    /// Complains if a hashed field is the routing.
    pub(super) fn refuse_telling_routing(
        &mut self,
        place: Option<Location>,
        shape: &Shape,
        parameters: Option<&Parameters>,
    ) {
        let routing = parameters.and_then(|parameters| parameters.routing.as_ref());
        self.refuse_telling("routing", place, shape, routing.as_slice());
    }

    fn pipeline(&mut self, node: &Node) -> Option<String> {
        let name = self.text(node, "pipeline", PIPELINE_FORM)?.value.clone();
        if name.contains("%{") {
            let message = format!("`pipeline: {name}`: the name is the same for every event; {PIPELINE_FORM}");
            return self.refuse(node.place, message);
        }
        let is_valid = (1..=MAX_PIPELINE_BYTES).contains(&name.len()) && !name.contains(char::is_control);
        if !is_valid {
            let message = format!(
                "`pipeline: {}`: a name has 1 to {MAX_PIPELINE_BYTES} bytes and no control characters; {PIPELINE_FORM}",
                name.escape_debug()
            );
            return self.refuse(node.place, message);
        }
        Some(name)
    }
}
