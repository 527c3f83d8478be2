#!/bin/sh
# A registration without a browser, in five calls. Needs curl, grep and sed.
set -eu
api=${FOYER_PUBLIC_URL:-http://127.0.0.1:4433}
email=${FOYER_EMAIL:-ada.$(date +%s)@example.org}

# 1. Open a flow. It says where its form is to be sent.
action=$(curl -sS "$api/self-service/registration/api" | sed 's/.*"action":"\([^"]*\)".*/\1/')

# 2. Look at its fields.
curl -sS "$api/self-service/registration/flows?id=${action##*=}" | grep -o '"name":"[^"]*","type":"[^"]*"'

# 3. Send something wrong: what is wrong comes back, each on its own field.
curl -sS "$action" -H 'Content-Type: application/json' -d '{"method":"password","password":"short","traits":{"email":"ada"}}' | grep -o '"text":"[^}]*"type":"error"'

# 4. Send it right: the answer holds the identity, and a token of its session.
token=$(curl -sS "$action" -H 'Content-Type: application/json' -d '{"method":"password","password":"tide pool, seven herons","traits":{"email":"'"$email"'","name":{"first":"Ada"}}}' | sed -n 's/.*"session_token":"\([^"]*\)".*/\1/p')

# 5. Ask who that is.
curl -sS "$api/sessions/whoami" -H "X-Session-Token: $token"
