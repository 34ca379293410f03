import django.db.models.functions.datetime
from django.db import migrations, models

import authkit.logins.endings


def date_by_the_sign_in(apps, schema_editor):
    logins = apps.get_model("authkit", "Login")._base_manager.using(schema_editor.connection.alias)
    logins.update(authenticated_at=models.F("created_at"))


class Migration(migrations.Migration):
    dependencies = [("authkit", "0009_hashes_moved_on_and_impersonation")]

    operations = [
        migrations.AddField(
            model_name="login",
            name="amr",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name="login",
            name="authenticated_at",
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
        ),
        migrations.AddField(
            model_name="login",
            name="restricted",
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AlterField(
            model_name="login",
            name="kind",
            field=models.CharField(choices=authkit.logins.endings.kind_choices, max_length=32, verbose_name="kind"),
        ),
        migrations.RunPython(date_by_the_sign_in, migrations.RunPython.noop),
    ]
