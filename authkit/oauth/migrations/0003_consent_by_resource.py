from typing import Any

from django.db import migrations, models


def by_resource(apps: Any, editor: Any) -> None:
    """A consent named scopes and resources apart. Each was agreed to for each."""
    consents = apps.get_model("authkit_oauth", "Consent").objects.using(editor.connection.alias)
    for consent in consents.iterator():
        consent.resources = {resource: consent.scope.split() for resource in consent.resources}
        consent.save(update_fields=["resources"])


class Migration(migrations.Migration):

    dependencies = [
        ('authkit_oauth', '0002_grant_told_at'),
    ]

    operations = [
        migrations.AlterField(
            model_name='consent',
            name='resources',
            field=models.JSONField(default=dict, verbose_name='resources'),
        ),
        migrations.RunPython(by_resource, migrations.RunPython.noop, elidable=True),
    ]
