package cmd

import "time"

// maxTokenLife is the most a token may live that nobody can call back.
const maxTokenLife = time.Hour

// tokenizers looks at the kinds of JWT that sessions are shown as.
func (c *checker) tokenizers() {
	for _, t := range c.cfg.Session.Tokenizers {
		at := tokenizerKey + "." + t.Name
		c.source(at+".jwks_url", t.JWKSURL)
		if t.MapperURL != "" {
			c.source(at+".claims_mapper_url", t.MapperURL)
		}
		switch {
		case t.TTL < time.Second:
			c.refuse(at+".ttl", "must be at least 1s")
		case t.TTL > maxTokenLife:
			c.warn("%s.ttl: a token of %s is good for that long, also when its session was ended; minutes are advisable", at, t.TTL)
		}
	}
}
