#!/bin/sh
# A registration without a browser, in seven calls. Needs curl, grep and sed.
set -eu
api=${FOYER_PUBLIC_URL:-http://127.0.0.1:4433}
admin=${FOYER_ADMIN_URL:-http://127.0.0.1:4434}
email=${FOYER_EMAIL:-ada.$(date +%s)@example.org}

# 1. Open a flow. It says where its form is to be sent.
action=$(curl -sS "$api/self-service/registration/api" | sed 's/.*"action":"\([^"]*\)".*/\1/')

# 2. Look at its fields.
curl -sS "$api/self-service/registration/flows?id=${action##*=}" | grep -o '"name":"[^"]*","type":"[^"]*"'

# 3. Send something wrong: what is wrong comes back, each on its own field.
curl -sS "$action" -H 'Content-Type: application/json' -d '{"method":"password","password":"short","traits":{"email":"ada"}}' | grep -o '"text":"[^}]*"type":"error"'

# 4. Send it right: the answer holds the identity, a token of its session, and
#    the flow in which the address is to be verified.
answer=$(curl -sS "$action" -H 'Content-Type: application/json' -d '{"method":"password","password":"tide pool, seven herons","traits":{"email":"'"$email"'","name":{"first":"Ada"}}}')
token=$(echo "$answer" | sed -n 's/.*"session_token":"\([^"]*\)".*/\1/p')
flow=$(echo "$answer" | sed -n 's/.*"show_verification_ui","flow":{"id":"\([^"]*\)".*/\1/p')

# 5. A code is in the mail. Here, mails end in the inbox of the admin API.
code=$(curl -sSG "$admin/admin/inbox/messages" -d limit=1 --data-urlencode "recipient=$email" | sed -n 's/.*"verification_code":"\([^"]*\)".*/\1/p')

# 6. Send the code.
curl -sS "$api/self-service/verification?flow=$flow" -H 'Content-Type: application/json' -d '{"method":"code","code":"'"$code"'"}' | grep -o '"text":"[^}]*"type":"success"'

# 7. Ask who that is.
curl -sS "$api/sessions/whoami" -H "X-Session-Token: $token"
