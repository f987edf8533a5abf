#!/bin/sh
# Replaces the token that Vault keeps for pipelines when it is due; to be run daily. `vault` must be signed in, with a policy
# that lets it read and patch the secret.
# usage: rotate.sh [PATH]: the secret's path in the mount "secret" (KV version 2); its key is TESTKASE_PAT
set -eu

export TESTKASE_URL="${TESTKASE_URL:-https://testkase.example.com}"
export SECRET="${1:-ci/testkase}"

# "TESTKASE_PAT=-" reads the value from standard input, to its last byte.
vault kv get -mount=secret -field=TESTKASE_PAT "$SECRET" |
    testkase-reporter rotate --if-due --delete-old --token-file - \
        --exec "tr -d '\\n' | vault kv patch -mount=secret \"\$SECRET\" TESTKASE_PAT=-"
