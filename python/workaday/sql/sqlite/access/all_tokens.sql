-- all_tokens: what opens the API, never the tokens themselves.
SELECT name, role, scopes, created_by, created_at, expires_at, used_at FROM workaday_tokens ORDER BY name LIMIT 1000;
