"""`make lint` refuses the migrations that would break the code of the release before, which serves meanwhile."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MIGRATIONS = ROOT / "apps" / "api" / "users" / "migrations"


def command(name: str) -> list[str]:
    """That check of migrations as tools/lint.sh has it."""
    (line,) = re.findall(rf"^python -m (django {name} .*)$", (ROOT / "tools/lint.sh").read_text(), re.MULTILINE)
    settings = str(line).replace("tools.migration_settings", "trial_settings")
    return settings.split()


def refuses(check: str, folder: Path, operation: str = "", database: str = "sqlite:///:memory:") -> str:
    """What a check says against the migrations as they are, or with one more; empty where they pass."""
    trial = folder / "trial"
    shutil.copytree(MIGRATIONS, trial)
    (folder / "trial_settings.py").write_text(
        'from tools.migration_settings import *\nMIGRATION_MODULES = {"users": "trial"}\n'
    )
    if operation:
        previous = max(path.stem for path in MIGRATIONS.glob("0*.py"))
        (trial / "9000_more.py").write_text(
            "from django.db import migrations, models\n"
            "class Migration(migrations.Migration):\n"
            f'    dependencies = [("users", "{previous}")]\n'
            f"    operations = [migrations.{operation}]\n"
        )
    environment = os.environ | {
        "PYTHONPATH": f"{folder}:{ROOT / 'apps'}:{ROOT}",
        "DATABASE_URL": database,
        "ENVIRONMENT": "development",
    }
    done = subprocess.run(
        [sys.executable, "-m", *command(check)], env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr if done.returncode else ""


@pytest.mark.parametrize("check", ["lintmigrations", "makemigrations"])
def test_ours_pass(tmp_path: Path, database_url: str, check: str) -> None:
    """On both databases, and none is missing for what the models have."""
    assert "" == refuses(check, tmp_path, database=database_url)


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        ('RemoveField("user", "name")', "DROPPING columns"),
        ('RenameField("user", "name", "full_name")', "RENAMING columns"),
        ('AddField("user", "age", models.IntegerField(default=0))', "NOT NULL constraint on columns"),
        ('RenameModel("User", "Person")', "RENAMING tables"),
        ('DeleteModel("User")', "DROPPING table"),
        ('RunSQL("DROP TABLE users_user")', "DROPPING table"),
    ],
)
def test_what_breaks_the_old_code_is_refused(tmp_path: Path, operation: str, fault: str) -> None:
    """The linter names what the migration does."""
    assert fault in refuses("lintmigrations", tmp_path, operation)


def test_a_missing_migration_is_refused(tmp_path: Path) -> None:
    """Models that the migrations do not lead to are named."""
    forgotten = 'RunSQL("SELECT 1", state_operations=[migrations.RemoveField("user", "name")])'
    assert "Add field name to user" in refuses("makemigrations", tmp_path, forgotten)


def test_what_the_old_code_can_live_with_passes(tmp_path: Path) -> None:
    """A column that may be empty: the first of the steps that docs/operations.md asks for."""
    added = 'AddField("user", "nickname", models.CharField(max_length=200, null=True))'
    assert "" == refuses("lintmigrations", tmp_path, added)
