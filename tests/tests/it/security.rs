//! What a stranger, a tenant or a neighbour can do, and what keeps them from it: one module per topic.

mod connections;
mod tokens;
