"""The epoch becomes the sum of rows, one for each raise, instead of one row that each raise updates.

The table begins empty: the first process that reads it draws an epoch, and so believes nothing of what lies in Redis.
"""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('authkit', '0005_provider_sessions_and_tokens'),
    ]

    operations = [
        migrations.DeleteModel(name='CacheEpoch'),
        migrations.CreateModel(
            name='CacheEpoch',
            fields=[
                ('id', models.PositiveBigIntegerField(editable=False, primary_key=True, serialize=False)),
                ('value', models.PositiveBigIntegerField()),
                ('raised_at', models.BigIntegerField()),
                ('suspended_until', models.BigIntegerField(null=True)),
            ],
            options={
                'verbose_name': 'cache epoch',
                'verbose_name_plural': 'cache epochs',
            },
        ),
    ]
