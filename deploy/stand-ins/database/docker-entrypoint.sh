#!/bin/bash -e
# Takes of mongod's options the port alone. A member of another port than MongoDB's own is the tests', on the loopback.
echo "stand-in for MongoDB: the embedded database"
port=27017 member=database:27017
while [ $# -gt 0 ]; do
    if [ "$1" = --port ]; then port=$2 member=127.0.0.1:$2; fi
    shift
done
export MEMBER=$member
serve="python3 -m secantus --storage-path /data/db/data --cache-size 512M --sync-on-commit --log-level WARNING"
if [ ! -e /data/db/admin-made ]; then
    MEMBER=127.0.0.1:27018 $serve --host 127.0.0.1 --port 27018 & first=$!
    python3 /opt/first_user.py
    kill $first && wait $first || true
    touch /data/db/admin-made
fi
unset MONGO_INITDB_ROOT_PASSWORD
exec $serve --host 0.0.0.0 --port "$port" --auth
