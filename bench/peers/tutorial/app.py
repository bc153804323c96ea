"""The Flask side: a greeting, and a page of users asked for by `requests.get`."""

import os

import requests
from flask import Flask, render_template
from flask_wtf import FlaskForm
from wtforms import EmailField, StringField
from wtforms.validators import DataRequired, Length

app = Flask(__name__)
app.config["SECRET_KEY"] = "bench-only"


class UserForm(FlaskForm):
    name = StringField("Name", validators=[DataRequired(), Length(max=200)])
    email = EmailField("Email address", validators=[DataRequired(), Length(max=254)])


@app.get("/")
def hello():
    return "Hello, World!"


@app.get("/users")
def users():
    answer = requests.get(os.environ["API_URL"] + "/users", timeout=3)
    answer.raise_for_status()
    data = answer.json()
    rows = data if isinstance(data, list) else data["results"]
    return render_template("users.html", users=rows, form=UserForm())


@app.get("/users/<int:user_id>/edit")
def edit(user_id):
    return render_template("users.html", users=[], form=UserForm())
