//! Who is told when something needs a hand: webhook, e-mail, outgoing pings.
