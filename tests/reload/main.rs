//! Configuration changes while requests run: no request notices.

mod in_flight;
mod switch;
