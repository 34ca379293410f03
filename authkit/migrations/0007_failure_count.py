from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('authkit', '0006_delivery'),
    ]

    operations = [
        migrations.CreateModel(
            name='FailureCount',
            fields=[
                ('key', models.CharField(editable=False, max_length=64, primary_key=True, serialize=False)),
                ('scope', models.CharField(editable=False, max_length=16)),
                ('slot', models.BigIntegerField()),
                ('failures', models.PositiveIntegerField(default=0)),
                ('names', models.BigIntegerField(default=0)),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(fields=['scope', 'slot'], name='authkit_failures_by_slot')],
            },
        ),
    ]
