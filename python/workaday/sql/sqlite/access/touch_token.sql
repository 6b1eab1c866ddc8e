-- touch_token: it was used; written now and then, so that an idle one is seen.
UPDATE workaday_tokens SET used_at = :now WHERE hash = :hash;
