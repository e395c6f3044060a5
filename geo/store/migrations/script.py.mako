"""${message}"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing; ${message}."""
    ${upgrades if upgrades else ""}


def downgrade() -> None:
    """Nothing; puts the former tables back."""
    ${downgrades if downgrades else ""}
