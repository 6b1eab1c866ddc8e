-- end_hold: a rule is released; the engine clears its marks in steps.
UPDATE workaday_holds SET released_at = :now WHERE rule = :rule AND released_at IS NULL;
