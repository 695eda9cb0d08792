"""What LightningCLI takes to print a configuration: `python lightning_app.py fit --print_config`."""

from lightning.pytorch.cli import LightningCLI
from lightning.pytorch.demos.boring_classes import BoringModel

LightningCLI(BoringModel)
