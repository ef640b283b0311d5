"""Perturbations stay within their limits and are reproducible; the score's firmness is counted, not guessed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import phantoms
import pytest
import SimpleITK as sitk
from pyradiomics_data import LungCase

from EsoRadiomicsLib.core.errors import RoiError, UsageError
from EsoRadiomicsLib.extraction.engines import extract, prepare, share
from EsoRadiomicsLib.extraction.perturbation import CHANGE_MM, KINDS, SHIFT_MM, Perturbation, Site, noise_level, plan
from EsoRadiomicsLib.extraction.pyradiomics.feature_names import WAVELETS
from EsoRadiomicsLib.extraction.pyradiomics.pyradiomics_settings import PyRadiomicsSettings
from EsoRadiomicsLib.extraction.pyradiomics.roi_images import RoiImages
from EsoRadiomicsLib.extraction.pyradiomics.shared_image import PartBands
from EsoRadiomicsLib.extraction.pyradiomics.sub_bands import SubBands
from EsoRadiomicsLib.extraction.roi import Roi
from EsoRadiomicsLib.extraction.settings import ExtractionSettings
from EsoRadiomicsLib.extraction.workers import helpers
from EsoRadiomicsLib.imaging.case import Case, load_case, make_case
from EsoRadiomicsLib.scoring.patient import PatientResult, score_patient
from EsoRadiomicsLib.scoring.perturbed_scores import assess
from EsoRadiomicsLib.scoring.robustness import Robustness
from EsoRadiomicsLib.studies.reference_cohort import ReferenceCohort, ReferenceFeature
from EsoRadiomicsLib.studies.study import load_study

BALL_MM = 15.0


@pytest.fixture(scope="module")
def ball() -> Case:
    """A ball of 15 mm radius in noise of 10 HU, voxels of 1 × 1 × 2 mm."""
    z, y, x = np.meshgrid(np.arange(40) * 2.0, np.arange(80.0), np.arange(80.0), indexing="ij")
    distance = np.sqrt((x - 40) ** 2 + (y - 40) ** 2 + (z - 40) ** 2)
    hu = np.random.default_rng(1).normal(-100, 10, distance.shape) + 30 * (distance < BALL_MM)
    image = sitk.GetImageFromArray(hu.round().astype(np.int16))
    mask = sitk.GetImageFromArray((distance < BALL_MM).astype(np.uint8))
    for item in (image, mask):
        item.SetSpacing((1, 1, 2))
    return make_case(image, mask, name="ball")


def centre(mask: sitk.Image) -> np.ndarray:
    voxels = np.argwhere(sitk.GetArrayViewFromImage(mask))[:, ::-1]
    return (voxels * mask.GetSpacing()).mean(axis=0)


def radius(mask: sitk.Image) -> float:
    volume = sitk.GetArrayViewFromImage(mask).sum() * float(np.prod(mask.GetSpacing()))
    return float((3 * volume / 4 / np.pi) ** (1 / 3))


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_bits_and_another_seed_others(ball: Case, kind: str) -> None:
    once, words = Perturbation(kind, (3, 1)).apply(ball)
    again, same_words = Perturbation(kind, (3, 1)).apply(ball)
    other, other_words = Perturbation(kind, (3, 2)).apply(ball)
    assert words == same_words
    assert (once.image_sha256, once.mask_sha256) == (again.image_sha256, again.mask_sha256)
    assert (once.image_sha256, once.mask_sha256, words) != (other.image_sha256, other.mask_sha256, other_words)


@pytest.mark.parametrize("kind", KINDS)
def test_a_perturbation_keeps_grid_and_pixel_type_and_changes_what_it_names(ball: Case, kind: str) -> None:
    perturbed, _ = Perturbation(kind, (4, 4)).apply(ball)
    assert perturbed.image.GetPixelID() == ball.image.GetPixelID()
    assert perturbed.mask.GetSize() == ball.mask.GetSize() and perturbed.mask.GetSpacing() == ball.mask.GetSpacing()
    assert (perturbed.image_sha256 == ball.image_sha256) == (kind in ("volume", "shift", "boundary"))
    assert (perturbed.mask_sha256 == ball.mask_sha256) == (kind == "noise")


@pytest.mark.parametrize("seed", range(6))
def test_growing_and_shrinking_stay_within_their_millimetres(ball: Case, seed: int) -> None:
    perturbed, words = Perturbation("volume", (seed,)).apply(ball)
    change = radius(perturbed.mask) - radius(ball.mask)
    assert CHANGE_MM[0] - 0.4 < abs(change) < CHANGE_MM[1] + 0.4
    assert words.startswith("grown" if change > 0 else "shrunk")


@pytest.mark.parametrize("seed", range(6))
def test_a_shift_moves_the_contour_as_far_as_it_says_and_keeps_its_size(ball: Case, seed: int) -> None:
    perturbed, words = Perturbation("shift", (seed,)).apply(ball)
    moved = centre(perturbed.mask) - centre(ball.mask)
    said = [float(mm) for mm in words[words.index("(") + 1 : words.index(")")].split(",")]
    assert moved == pytest.approx(said, abs=0.2)
    assert SHIFT_MM[0] - 0.2 < np.linalg.norm(moved) < SHIFT_MM[1] + 0.2
    assert radius(perturbed.mask) == pytest.approx(radius(ball.mask), rel=0.01)


def test_a_rotation_turns_image_and_contour_together(ball: Case) -> None:
    perturbed, _ = Perturbation("rotation", (1,)).apply(ball)
    inside = sitk.GetArrayFromImage(perturbed.image)[sitk.GetArrayFromImage(perturbed.mask) > 0]
    before = sitk.GetArrayFromImage(ball.image)[sitk.GetArrayFromImage(ball.mask) > 0]
    assert inside.mean() == pytest.approx(before.mean(), abs=2)
    assert centre(perturbed.mask) == pytest.approx(centre(ball.mask), abs=0.3)


@pytest.mark.parametrize("kind", [sitk.sitkInt16, sitk.sitkFloat32])
def test_a_turned_image_has_the_bits_of_simpleitks_b_spline(ball: Case, kind: int) -> None:
    site = Site(replace(ball, image=sitk.Cast(ball.image, kind)))
    turn = sitk.VersorTransform((0, 0, 1), 0.1, ball.image.TransformIndexToPhysicalPoint((40, 40, 20)))
    expected = sitk.Resample(site.case.image, site.image, turn, sitk.sitkBSpline, -1024.0)
    turned = sitk.Resample(site.spline, site.image, turn, sitk.sitkBSplineResampler, -1024.0, kind)
    assert site.spline.GetSize() == site.case.image.GetSize(), "else the two are prefiltered from different borders"
    np.testing.assert_array_equal(sitk.GetArrayViewFromImage(turned), sitk.GetArrayViewFromImage(expected))


def test_the_boundary_is_redrawn_but_the_core_stays(ball: Case) -> None:
    perturbed, _ = Perturbation("boundary", (1,)).apply(ball)
    before, after = (sitk.GetArrayFromImage(item.mask).astype(bool) for item in (ball, perturbed))
    core = sitk.GetArrayFromImage(sitk.SignedMaurerDistanceMap(ball.mask, useImageSpacing=True)) > -8
    assert (before & after).sum() / (before | after).sum() > 0.7
    assert after[before & ~core].mean() > 0.98


def test_a_redrawn_boundary_is_that_of_one_piece(ball: Case) -> None:
    site = Site(ball)
    for seed in range(5):
        perturbed, _ = Perturbation("boundary", (seed,)).apply(site)
        pieces = sitk.GetArrayFromImage(sitk.ConnectedComponent(perturbed.mask))
        assert np.bincount(pieces.ravel())[1:].max() > 0.995 * (pieces > 0).sum()


def test_a_gtv_smaller_than_a_supervoxel_does_not_vanish(ball: Case) -> None:
    tiny = np.zeros(ball.mask.GetSize()[::-1], np.uint8)
    tiny[20, 40:42, 40:42] = 1
    mask = sitk.GetImageFromArray(tiny)
    mask.CopyInformation(ball.mask)
    perturbed, _ = Perturbation("boundary", (1,)).apply(Site(replace(ball, mask=mask)))
    assert sitk.GetArrayViewFromImage(perturbed.mask)[tiny > 0].any()


def test_perturbations_that_share_a_site_are_those_of_a_site_each(ball: Case) -> None:
    shared = Site(ball)
    for draw in plan(10, seed=3):
        together, alone = draw.apply(shared), draw.apply(ball)
        assert together[1] == alone[1]
        assert together[0].image_sha256 == alone[0].image_sha256
        assert together[0].mask_sha256 == alone[0].mask_sha256


@pytest.mark.parametrize("sd", [5, 20])
def test_the_noise_of_an_image_is_estimated_from_the_image(sd: int) -> None:
    smooth = np.add.outer(np.arange(8.0), np.add.outer(np.arange(64.0), np.arange(64.0)))
    noisy = sitk.GetImageFromArray(smooth + np.random.default_rng(2).normal(0, sd, smooth.shape))
    assert noise_level(noisy) == pytest.approx(sd, rel=0.05)


def test_the_kinds_take_turns_and_every_draw_has_its_own_seed() -> None:
    draws = plan(11, seed=9)
    assert [draw.kind for draw in draws[:5]] == list(KINDS)
    assert len({draw.seed for draw in draws}) == 11


@pytest.fixture(scope="module")
def scored() -> PatientResult:
    image = phantoms.ct()
    return score_patient(make_case(image, phantoms.gtv(image)), load_study("ln-response-crt"))


def with_cutoff_at(result: PatientResult, value: float) -> PatientResult:
    """The result of the same study with its cut-off elsewhere."""
    study = result.score.study
    card: dict[str, Any] = {**study.card, "signature": {**study.card["signature"]}}
    card["signature"]["cutoff"] = {**card["signature"]["cutoff"], "value": value}
    moved = replace(study, card=card)
    assert moved.signature is not None and moved.signature.cutoff is not None
    group = moved.signature.cutoff.group(result.score.rad_score)
    return replace(result, score=replace(result.score, study=moved, group=group))


@pytest.fixture(scope="module")
def robustness(scored: PatientResult) -> Robustness:
    return assess(scored, count=10, seed=5)


def test_the_interval_holds_the_middle_of_the_scores_under_perturbation(robustness: Robustness) -> None:
    scores = [item.rad_score for item in robustness.replicates if item.rad_score is not None]
    assert len(scores) == robustness.scored == 10
    assert min(scores) <= robustness.interval[0] < robustness.interval[1] <= max(scores)
    assert len(set(scores)) >= 8


def test_flips_are_counted_against_the_patients_own_group(scored: PatientResult, robustness: Robustness) -> None:
    scores = sorted(item.rad_score for item in robustness.replicates if item.rad_score is not None)
    far = assess(with_cutoff_at(scored, scores[-1] + 1), count=10, seed=5)
    assert far.flip_share == 0
    amid = with_cutoff_at(scored, (scores[6] + scores[7]) / 2)
    above = sum(score > (scores[6] + scores[7]) / 2 for score in scores)
    flipped = 10 - above if amid.score.group == amid.score.study.signature.cutoff.above else above  # type: ignore[union-attr]
    firmness = assess(amid, count=10, seed=5)
    assert firmness.flip_share == flipped / 10
    assert {kind: n for kind, (_, n) in firmness.flips.items()} == dict.fromkeys(KINDS, 2)


@pytest.mark.parametrize("voxel_mm", [None, (1.0, 1.0, 1.0), (3.0, 3.0, 3.0)])
def test_each_perturbation_is_measured_as_the_perturbed_case_alone(
    scored: PatientResult, voxel_mm: tuple[float, float, float] | None
) -> None:
    settings, names = scored.features.settings.changed(voxel_mm=voxel_mm), tuple(scored.features.values)
    measured = replace(scored, features=replace(scored.features, settings=settings))
    for draw, replicate in zip(plan(10, 3), assess(measured, count=10, seed=3).replicates, strict=True):
        case, words = draw.apply(scored.case)
        alone = extract(prepare(case, settings), settings, names)
        assert (replicate.words, replicate.values) == (words, dict(alone.values)), draw


def test_a_part_cut_out_of_the_resampled_image_has_the_bits_of_a_part_resampled_alone(lung2: LungCase) -> None:
    case = load_case(lung2.image, lung2.mask, label=1)
    settings = load_study("escc-lpfs-ccrt").settings
    site = Site(case)
    shared = share(case, site.whole_mask(site.mask * 0 + 1), settings)
    for draw in plan(6, 4, ("volume", "shift", "boundary")):
        perturbed, _ = draw.apply(site)
        cut, alone = prepare(perturbed, settings, shared), prepare(perturbed, settings)
        assert cut.account == alone.account
        for ours, full in ((cut.image, alone.image), (cut.mask, alone.mask)):
            np.testing.assert_array_equal(sitk.GetArrayViewFromImage(ours), sitk.GetArrayViewFromImage(full))
            assert (ours.GetOrigin(), ours.GetSpacing()) == (full.GetOrigin(), full.GetSpacing())
        taken, filtered = sub_bands(cut, settings), sub_bands(alone, settings)
        assert isinstance(taken, PartBands) and isinstance(filtered, SubBands)
        for name in WAVELETS:
            np.testing.assert_array_equal(taken.values(name), filtered.values(name))


def sub_bands(roi: Roi, settings: ExtractionSettings) -> SubBands | PartBands:
    assert isinstance(settings, PyRadiomicsSettings)
    return RoiImages(roi, settings).sub_bands


def test_sub_bands_of_an_roi_at_the_border_of_the_image_are_its_own(ball: Case) -> None:
    settings = load_study("escc-lpfs-ccrt").settings.changed(voxel_mm=(0.7, 0.7, 1.9), hu_min=None)
    moved = np.roll(sitk.GetArrayViewFromImage(ball.mask), (0, -26, 0), (0, 1, 2))
    mask = sitk.GetImageFromArray(moved)
    mask.CopyInformation(ball.mask)
    site = Site(replace(ball, mask=mask))
    shared = share(site.case, site.whole_mask(site.mask * 0 + 1), settings)
    cut, alone = prepare(site.case, settings, shared), prepare(site.case, settings)
    names = [f"{image}_firstorder_{feature}" for image in WAVELETS for feature in ("Mean", "Variance")]
    assert isinstance(sub_bands(cut, settings), SubBands)
    assert extract(cut, settings, names).values == extract(alone, settings, names).values


def test_an_image_is_not_shared_where_its_last_bits_might_differ(ball: Case) -> None:
    settings = load_study("escc-lpfs-ccrt").settings
    region = Site(ball).whole_mask(Site(ball).mask)
    assert share(ball, region, settings.changed(voxel_mm=(1, 1, 2))) is None, "voxels fall on voxels"
    assert share(ball, region, settings.changed(voxel_mm=None)) is None
    assert share(ball, region, settings.changed(voxel_mm=(0.7, 0.7, 1.9), pixel_type="float32")) is None
    assert share(ball, region, settings.changed(voxel_mm=(0.7, 0.7, 1.9))) is not None


def test_a_contour_of_one_slice_is_measured_as_alone(ball: Case) -> None:
    settings = load_study("escc-lpfs-ccrt").settings.changed(voxel_mm=(0.7, 0.7, 1.9))
    flat = np.zeros(ball.mask.GetSize()[::-1], np.uint8)
    flat[20, 30:50, 30:50] = 1
    mask = sitk.GetImageFromArray(flat)
    mask.CopyInformation(ball.mask)
    case = replace(ball, mask=mask)
    shared = share(ball, Site(ball).whole_mask(Site(ball).mask * 0 + 1), settings)
    cut, alone = prepare(case, settings, shared), prepare(case, settings)
    np.testing.assert_array_equal(sitk.GetArrayViewFromImage(cut.image), sitk.GetArrayViewFromImage(alone.image))
    assert cut.image.GetSpacing() == alone.image.GetSpacing() == (0.7, 0.7, 2.0)


def test_processes_give_the_numbers_of_one_process(scored: PatientResult, robustness: Robustness) -> None:
    told: list[float] = []
    with helpers(2) as helping:
        spread = assess(scored, count=10, seed=5, helpers=helping, progress=lambda share, what: told.append(share))
    assert spread == robustness
    assert told == sorted(told) and told[-1] == 1


def test_the_spread_of_a_feature_is_set_against_the_reference_cohort(scored: PatientResult) -> None:
    sd = 2.0
    features = {
        name: ReferenceFeature(0, sd, 9, 0, 1, {})
        for name in scored.score.study.signature.names  # type: ignore[union-attr]
    }
    reference = ReferenceCohort("r", False, 9, scored.features.settings, {}, features)
    for spread in assess(scored, count=5, reference=reference).features:
        values = [spread.minimum, spread.maximum]
        assert values[0] <= spread.value + 5 * spread.sd and values[1] >= spread.value - 5 * spread.sd
        assert spread.icc == pytest.approx(sd**2 / (sd**2 + spread.sd**2))


@pytest.mark.parametrize(("options", "message"), [({"count": 2}, "2 perturbations"), ({"kinds": ("wind",)}, "wind")])
def test_a_call_that_makes_no_sense_is_a_usage_error(
    scored: PatientResult, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        assess(scored, **options)


def test_a_gtv_too_small_to_be_perturbed_is_refused_with_the_reasons(scored: PatientResult) -> None:
    settings = scored.features.settings.changed(min_voxels=10**6)
    hopeless = replace(scored, features=replace(scored.features, settings=settings))
    with pytest.raises(RoiError, match=r"0 of 5 perturbations.*1000000"):
        assess(hopeless, count=5)


def test_on_real_ct_a_millimetre_moves_the_score_but_not_far(lung2: LungCase) -> None:
    result = score_patient(load_case(lung2.image, lung2.mask, label=1), load_study("ln-control-2y"))
    firmness = assess(result, count=5, seed=1)
    assert 0 < firmness.interval[1] - firmness.interval[0] < 1
    assert firmness.interval[0] - 0.5 < result.score.rad_score < firmness.interval[1] + 0.5
