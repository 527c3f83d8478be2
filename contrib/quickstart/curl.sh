#!/bin/sh
# An account without a browser: signing up, out and in, and recovery. Needs curl,
# grep and sed.
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

# 8. Sign out. The token leads nowhere from now on.
curl -sS -X DELETE "$api/self-service/logout/api" -H 'Content-Type: application/json' -d '{"session_token":"'"$token"'"}'

# 9. Sign in: open a flow and send it identifier and password.
action=$(curl -sS "$api/self-service/login/api" | sed 's/.*"action":"\([^"]*\)".*/\1/')
curl -sS "$action" -H 'Content-Type: application/json' -d '{"method":"password","identifier":"'"$email"'","password":"tide pool, seven herons"}' | grep -o '"authentication_methods":[^]]*]'

# 10. The password is forgotten: ask for a code. Any address is answered so.
action=$(curl -sS "$api/self-service/recovery/api" | sed 's/.*"action":"\([^"]*\)".*/\1/')
curl -sS "$action" -H 'Content-Type: application/json' -d '{"method":"code","email":"'"$email"'"}' | grep -o '"text":"If this[^"]*"'
code=$(curl -sSG "$admin/admin/inbox/messages" -d limit=1 --data-urlencode "recipient=$email" | sed -n 's/.*"recovery_code":"\([^"]*\)".*/\1/p')

# 11. The code signs in, ends every other session, and foyer.next says where to
#     choose a new password.
answer=$(curl -sS "$action" -H 'Content-Type: application/json' -d '{"method":"code","code":"'"$code"'"}')
token=$(echo "$answer" | sed -n 's/.*"session_token":"\([^"]*\)".*/\1/p')
next=$(echo "$answer" | sed -n 's/.*"next":{[^}]*"url":"\([^"]*\)".*/\1/p')
action=$(curl -sS "$next" -H "X-Session-Token: $token" | sed 's/.*"action":"\([^"]*\)".*/\1/')

# 12. Choose it.
curl -sS "$action" -H "X-Session-Token: $token" -H 'Content-Type: application/json' -d '{"method":"password","password":"nine herons by the sea"}' | grep -o '"text":"[^}]*"type":"success"'
