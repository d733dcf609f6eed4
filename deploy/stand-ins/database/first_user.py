"""Make the first user, while sign-in is off and nobody else reaches the database."""

import os

from pymongo import MongoClient

with MongoClient("mongodb://127.0.0.1:27018/?directConnection=true") as client:
    name, password = os.environ["MONGO_INITDB_ROOT_USERNAME"], os.environ["MONGO_INITDB_ROOT_PASSWORD"]
    client["admin"].command("createUser", name, pwd=password, roles=[{"role": "root", "db": "admin"}])
